// Into how many files each node writes: found by trying on the saves of a run, fewest first choice among equals.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::checkpoint {

/// Tries 1, 2, 4, … and `most` files per node, from a start outwards: more files while each step up is at least a
/// tenth faster; if none was, fewer files while the step down is less than a tenth slower. Each number has two saves,
/// of which the faster counts (the first one also agrees who writes what); no number is tried twice. Pure: the same
/// measurements give the same numbers.
class ShardTuning {
 public:
  static constexpr int kFirst = 8;        ///< where a run starts that knows nothing
  static constexpr int kSavesEach = 2;    ///< saves with each number
  static constexpr double kFaster = 1.1;  ///< what more files must gain

  /// `most`: ranks of a node, at least 1. `start`: what an earlier attempt chose, 0 = kFirst; the nearest number below
  /// that is tried counts.
  ShardTuning(int most, int start);

  /// For the next save.
  int files() const { return tried_[at_].files; }
  /// A save with files() is committed. After settled() nothing changes any more.
  void saved(std::uint64_t bytes, double seconds);
  bool settled() const { return settled_; }
  /// One sentence with what was measured; "" when there was nothing to choose.
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
  int saves_ = 0;  ///< with the present number
  bool more_won_ = false;
  bool settled_ = false;
};

}  // namespace trireme::checkpoint
