// Rows of factor levels such that every pair of levels of two factors that can occur at all occurs in some row.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "base/philox.hpp"

namespace trireme::tests {

using Row = std::vector<int>;

struct CoveringArray {
  std::vector<Row> rows;
  /// (factor, level, factor, level) of the pairs that no allowed row has.
  std::vector<std::vector<int>> impossible;
  std::size_t pairs = 0;  ///< covered
};

/// Greedy and deterministic: for the first uncovered pair, of `tries` random completions that are allowed the one
/// that covers most new pairs.
class CoveringArrayBuilder {
 public:
  CoveringArrayBuilder(std::vector<int> levels, std::function<bool(const Row&)> allowed, int tries = 400)
      : levels_(std::move(levels)), allowed_(std::move(allowed)), tries_(tries) {}

  CoveringArray build() {
    CoveringArray array;
    for (int a = 0; a < factors(); ++a) {
      for (int b = a + 1; b < factors(); ++b) {
        for (int x = 0; x < levels_[index(a)]; ++x) {
          for (int y = 0; y < levels_[index(b)]; ++y) {
            if (covered_.count({a, x, b, y}) == 0) cover({a, x, b, y}, array);
          }
        }
      }
    }
    array.pairs = covered_.size();
    return array;
  }

 private:
  using Pair = std::vector<int>;

  static std::size_t index(int factor) { return static_cast<std::size_t>(factor); }
  int factors() const { return static_cast<int>(levels_.size()); }

  int draw(int levels) { return static_cast<int>(base::mix(17, counter_++) % static_cast<std::uint64_t>(levels)); }

  void cover(const Pair& pair, CoveringArray& array) {
    Row best;
    std::size_t most = 0;
    for (int attempt = 0; attempt < tries_; ++attempt) {
      Row row;
      for (const int levels : levels_) row.push_back(draw(levels));
      row[index(pair[0])] = pair[1];
      row[index(pair[2])] = pair[3];
      if (!allowed_(row)) continue;
      const std::size_t gain = new_pairs(row).size();
      if (gain > most) {
        most = gain;
        best = row;
      }
    }
    if (best.empty()) {
      array.impossible.push_back(pair);
      return;
    }
    for (const Pair& each : new_pairs(best)) covered_.insert(each);
    array.rows.push_back(std::move(best));
  }

  std::vector<Pair> new_pairs(const Row& row) const {
    std::vector<Pair> pairs;
    for (int a = 0; a < factors(); ++a) {
      for (int b = a + 1; b < factors(); ++b) {
        Pair pair{a, row[index(a)], b, row[index(b)]};
        if (covered_.count(pair) == 0) pairs.push_back(std::move(pair));
      }
    }
    return pairs;
  }

  std::vector<int> levels_;
  std::function<bool(const Row&)> allowed_;
  int tries_;
  std::uint64_t counter_ = 0;
  std::set<Pair> covered_;
};

}  // namespace trireme::tests
