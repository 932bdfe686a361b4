#include "base/names.hpp"

#include <gtest/gtest.h>

#include <string>

namespace trireme::base {
namespace {

TEST(Names, ARunsIdIsAWordThatLeadsNowhere) {
  for (const char* good : {"1f-a2-3-44", "42f16c3b-9d2a-77aa01ff-e", "test", "run_1"})
    EXPECT_TRUE(is_run_id(good)) << good;
  for (const char* bad : {"", ".", "..", "../x", "a/b", "/etc", "-rf", "a b", "a\nb", "a.b", "\xc3\xa4", "$(x)"}) {
    EXPECT_FALSE(is_run_id(bad)) << bad;
  }
  EXPECT_FALSE(is_run_id(std::string("a\0b", 3)));
  EXPECT_TRUE(is_run_id(std::string(64, 'a')));
  EXPECT_FALSE(is_run_id(std::string(65, 'a')));
}

TEST(Names, AJobsIdIsNoOptionAndNoList) {
  for (const char* good : {"1", "1234567", "12_0", "local"}) EXPECT_TRUE(is_job_id(good)) << good;
  for (const char* bad : {"", "_", "-1", "1,2", "1 ", "../1", "1;2"}) EXPECT_FALSE(is_job_id(bad)) << bad;
}

TEST(Names, AHostsNameIsNoOptionAndNoPath) {
  for (const char* good : {"n1", "gpu-07.cluster.example", "_gw", "a_b"}) EXPECT_TRUE(is_host_name(good)) << good;
  for (const char* bad : {"", "-x", ".x", "a/b", "a,b", "a b", "a\n", "n[1-2]"}) EXPECT_FALSE(is_host_name(bad)) << bad;
  EXPECT_FALSE(is_host_name(std::string(256, 'a')));
}

}  // namespace
}  // namespace trireme::base
