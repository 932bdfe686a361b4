// Chooses into how many files each node writes, by trying numbers on the saves of a run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::checkpoint {

/// Tries 1, 2, 4, … and `most` files per node, from a start value outwards: more files while each step up is at least a
/// tenth faster; if the first step was not, fewer files while each step down is less than a tenth slower. Each number
/// gets two saves, of which the faster counts (in the first one the ranks also agree who writes what). No number is
/// tried twice. Pure: the same measurements give the same numbers.
class ShardTuning {
 public:
  static constexpr int kFirst = 8;        ///< where a run starts without earlier measurements
  static constexpr int kSavesEach = 2;    ///< saves with each number
  static constexpr double kFaster = 1.1;  ///< how much faster more files must be

  /// `most`: ranks per node, at least 1. `start`: what an earlier attempt chose, 0 = kFirst; the nearest number not
  /// above it that would be tried is used.
  ShardTuning(int most, int start);

  /// The number of files for the next save.
  int files() const { return tried_[at_].files; }
  /// Tells that a save with files() was committed. Once settled() is true, nothing changes any more.
  void saved(std::uint64_t bytes, double seconds);
  bool settled() const { return settled_; }
  /// One sentence with the measurements; "" when there was nothing to choose.
  std::string reason() const;

 private:
  struct Tried {
    int files = 1;
    double rate = 0;  ///< bytes a second; 0 = not measured
  };

  void judge();
  void keep_going();

  std::vector<Tried> tried_;  ///< ascending
  std::size_t at_ = 0;
  std::size_t best_ = 0;
  int saves_ = 0;  ///< saves with the present number
  bool more_won_ = false;
  bool settled_ = false;
};

}  // namespace trireme::checkpoint
