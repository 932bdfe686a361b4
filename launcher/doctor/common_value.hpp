// Finds the value that most ranks have, and the ranks that have another.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace trireme::doctor {

struct Minority {
  std::string common;      ///< the most frequent value; of equally frequent ones that of the lowest rank
  std::vector<int> ranks;  ///< the ranks with another value, ascending
};

/// `values`: rank -> value; ranks without a value are not in it. Returns an empty result for an empty map.
Minority minority_of(const std::map<int, std::string>& values);

}  // namespace trireme::doctor
