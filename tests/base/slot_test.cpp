#include "base/slot.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trireme::base {
namespace {

TEST(Slot, ANameIsAWordThatNoPathOrListMisreads) {
  for (const char* good : {kParam, kGrad, kAdamM, kAdamV, "a", "momentum", "ema", "lora_a", "m2_"}) {
    EXPECT_TRUE(is_slot_name(good)) << good;
  }
  for (const char* bad : {"", ".", "..", "../x", "/param", "a/b", "a b", "a,b", "a:b", "a\n", "_a", "2m", "Adam", "aD",
                          "a-b", "a.b", "\xc3\xa4"}) {
    EXPECT_FALSE(is_slot_name(bad)) << bad;
  }
  EXPECT_FALSE(is_slot_name(std::string("a\0b", 3)));
  EXPECT_TRUE(is_slot_name(std::string(32, 'a')));
  EXPECT_FALSE(is_slot_name(std::string(33, 'a')));
}

}  // namespace
}  // namespace trireme::base
