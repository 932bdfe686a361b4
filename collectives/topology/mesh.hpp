// The process grid: pure arithmetic between world ranks and coordinates.
#pragma once

#include <string>
#include <vector>

namespace trireme::topology {

/// Axes in the order in which world ranks vary: tp fastest.
enum class Axis { kTensor, kContext, kData, kPipeline };

const char* name_of(Axis axis);  ///< "tp", "cp", "dp", "pp"

/// How many ranks along each axis. Every degree is at least 1.
struct Degrees {
  int tp = 1;
  int cp = 1;
  int dp = 1;
  int pp = 1;

  int world() const { return tp * cp * dp * pp; }
  bool operator==(const Degrees&) const = default;
};

struct Coordinates {
  int tp = 0;
  int cp = 0;
  int dp = 0;
  int pp = 0;

  bool operator==(const Coordinates&) const = default;
};

/// rank = ((pp*DP + dp)*CP + cp)*TP + tp. Example: tp2·pp2·dp2, rank 5 = binary 101 -> pp 1, dp 0, tp 1.
class Mesh {
 public:
  /// Throws base::InputError when a degree is below 1.
  explicit Mesh(Degrees degrees);

  const Degrees& degrees() const { return degrees_; }
  int size() const { return degrees_.world(); }
  Coordinates coordinates(int rank) const;
  int rank(Coordinates at) const;
  /// World ranks that differ from `rank` only along `axis`, in order of their coordinate.
  std::vector<int> group(int rank, Axis axis) const;
  /// The same number for all ranks of one group along `axis`: a colour for Communicator::split.
  int group_index(int rank, Axis axis) const;

 private:
  Degrees degrees_;
};

/// "tp2·pp2·dp2", axes of degree 1 left out; "1 rank" when all are 1.
std::string to_string(const Degrees& degrees);

}  // namespace trireme::topology
