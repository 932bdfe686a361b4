// Rows of factor levels such that every pair of levels of two factors that can occur at all occurs in some row.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/philox.hpp"

namespace trireme::tests {

using Row = std::vector<int>;

struct CoveringArray {
  std::vector<Row> rows;
  /// (factor, level, factor, level) of the pairs that no allowed row has.
  std::vector<std::vector<int>> impossible;
  std::size_t pairs = 0;  ///< covered
};

/// Greedy and deterministic: for the first uncovered pair, of some allowed rows that have it, each changed level by
/// level while that covers more new pairs, the one that covers most. The row of all levels 0 must be allowed: a pair
/// counts as impossible when `tries` completions, from random ones to level 0 everywhere, are all refused.
class CoveringArrayBuilder {
 public:
  CoveringArrayBuilder(std::vector<int> levels, std::function<bool(const Row&)> allowed, int tries = 300)
      : levels_(std::move(levels)), allowed_(std::move(allowed)), tries_(tries) {
    for (const int count : levels_) {
      first_.push_back(total_);
      total_ += static_cast<std::size_t>(count);
    }
    covered_.assign(total_ * total_, false);
  }

  /// Throws base::Error when the row of all levels 0 is refused.
  CoveringArray build() {
    if (!allowed_(Row(levels_.size(), 0))) throw base::Error("the row of all levels 0 of a covering array is refused");
    CoveringArray array;
    for (int a = 0; a < factors(); ++a) {
      for (int b = a + 1; b < factors(); ++b) {
        for (int x = 0; x < levels_[index(a)]; ++x) {
          for (int y = 0; y < levels_[index(b)]; ++y) {
            if (!covered({a, x}, {b, y})) cover({a, x}, {b, y}, array);
          }
        }
      }
    }
    return array;
  }

 private:
  static constexpr int kStarts = 12;

  struct Setting {
    int factor;
    int level;
  };

  static std::size_t index(int factor) { return static_cast<std::size_t>(factor); }
  int factors() const { return static_cast<int>(levels_.size()); }
  int draw(int levels) { return static_cast<int>(base::mix(17, counter_++) % static_cast<std::uint64_t>(levels)); }

  std::size_t place(const Setting& one) const {
    return first_[index(one.factor)] + static_cast<std::size_t>(one.level);
  }
  bool covered(const Setting& a, const Setting& b) const { return covered_[place(a) * total_ + place(b)]; }

  void cover(const Setting& a, const Setting& b, CoveringArray& array) {
    Row best;
    int most = 0;
    int starts = 0;
    for (int attempt = 0; attempt < tries_ && starts < kStarts; ++attempt) {
      std::optional<Row> row = completion(a, b, attempt);
      if (!row) continue;
      ++starts;
      climb(*row, a.factor, b.factor);
      const int gain = new_pairs(*row);
      if (gain > most) {
        most = gain;
        best = *row;
      }
    }
    if (best.empty()) {
      array.impossible.push_back({a.factor, a.level, b.factor, b.level});
      return;
    }
    array.pairs += static_cast<std::size_t>(most);
    mark(best);
    array.rows.push_back(std::move(best));
  }

  /// An allowed row with both settings, or nothing. The later the attempt, the more factors are at level 0.
  std::optional<Row> completion(const Setting& a, const Setting& b, int attempt) {
    Row row;
    for (const int levels : levels_) row.push_back(draw(tries_) < attempt ? 0 : draw(levels));
    row[index(a.factor)] = a.level;
    row[index(b.factor)] = b.level;
    return allowed_(row) ? std::optional(row) : std::nullopt;
  }

  /// Changes one level at a time, but not those of two factors, while the row then covers more new pairs.
  void climb(Row& row, int kept, int also_kept) const {
    for (bool better = true; better;) {
      better = false;
      for (int factor = 0; factor < factors(); ++factor) {
        if (factor == kept || factor == also_kept) continue;
        for (int level = 0; level < levels_[index(factor)]; ++level) {
          const int before = row[index(factor)];
          if (new_pairs_of(row, {factor, level}) <= new_pairs_of(row, {factor, before})) continue;
          row[index(factor)] = level;
          if (allowed_(row)) {
            better = true;
          } else {
            row[index(factor)] = before;
          }
        }
      }
    }
  }

  /// The number of new pairs of `one` with the row's levels of the other factors.
  int new_pairs_of(const Row& row, const Setting& one) const {
    int pairs = 0;
    for (int factor = 0; factor < factors(); ++factor) {
      if (factor != one.factor && !covered(one, {factor, row[index(factor)]})) ++pairs;
    }
    return pairs;
  }

  int new_pairs(const Row& row) const {
    int pairs = 0;
    for (int factor = 0; factor < factors(); ++factor) pairs += new_pairs_of(row, {factor, row[index(factor)]});
    return pairs / 2;
  }

  void mark(const Row& row) {
    for (int a = 0; a < factors(); ++a) {
      for (int b = 0; b < factors(); ++b) {
        covered_[place({a, row[index(a)]}) * total_ + place({b, row[index(b)]})] = true;
      }
    }
  }

  const std::vector<int> levels_;
  const std::function<bool(const Row&)> allowed_;
  const int tries_;
  std::vector<std::size_t> first_;  ///< of each factor, in a list of all levels
  std::size_t total_ = 0;
  std::uint64_t counter_ = 0;
  std::vector<bool> covered_;  ///< symmetric, total_ * total_
};

}  // namespace trireme::tests
