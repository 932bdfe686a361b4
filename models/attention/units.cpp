#include "models/attention/units.hpp"

#include <algorithm>

namespace trireme::attention {
namespace {

std::vector<std::int64_t> served_by(const Setting& setting, std::int64_t kv_head) {
  std::vector<std::int64_t> heads;
  for (std::int64_t head = 0; head < setting.query_heads; ++head) {
    if (setting.kv_of_query[static_cast<std::size_t>(head)] == kv_head) heads.push_back(head);
  }
  return heads;
}

}  // namespace

std::int64_t groups_of(const Setting& setting, std::int64_t batch, std::int64_t wanted) {
  const std::int64_t whole = std::max<std::int64_t>(1, batch * setting.kv_heads);
  if (whole >= wanted || setting.kv_heads == setting.query_heads) return 1;
  std::int64_t most = 1;
  for (std::int64_t kv_head = 0; kv_head < setting.kv_heads; ++kv_head) {
    most = std::max(most, static_cast<std::int64_t>(served_by(setting, kv_head).size()));
  }
  return std::min((wanted + whole - 1) / whole, most);
}

Unit unit_of(const Setting& setting, std::int64_t number, std::int64_t groups) {
  return {number / groups / setting.kv_heads, number / groups % setting.kv_heads, number % groups};
}

std::vector<std::int64_t> query_heads_of(const Setting& setting, const Unit& unit, std::int64_t groups) {
  const std::vector<std::int64_t> heads = served_by(setting, unit.kv_head);
  const auto count = static_cast<std::int64_t>(heads.size());
  return {heads.begin() + unit.group * count / groups, heads.begin() + (unit.group + 1) * count / groups};
}

}  // namespace trireme::attention
