#include "base/slot.hpp"

#include <algorithm>
#include <cstddef>

namespace trireme::base {
namespace {

constexpr std::size_t kMostBytes = 32;

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

}  // namespace

bool is_slot_name(std::string_view text) {
  return !text.empty() && text.size() <= kMostBytes && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace trireme::base
