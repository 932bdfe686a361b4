#include "launcher/doctor/common_value.hpp"

namespace trireme::doctor {

Minority minority_of(const std::map<int, std::string>& values) {
  std::map<std::string, std::size_t> counts;
  for (const auto& [rank, value] : values) ++counts[value];
  Minority minority;
  std::size_t most = 0;
  for (const auto& [rank, value] : values) {
    if (counts[value] > most) {
      most = counts[value];
      minority.common = value;
    }
  }
  for (const auto& [rank, value] : values) {
    if (value != minority.common) minority.ranks.push_back(rank);
  }
  return minority;
}

}  // namespace trireme::doctor
