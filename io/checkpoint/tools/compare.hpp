// Compares two checkpoints tensor by tensor, whatever layouts wrote them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "io/checkpoint/tools/verify.hpp"

namespace trireme::checkpoint {

/// The comparison of a tensor that is in either checkpoint.
struct TensorComparison {
  std::string slot = kParam;
  std::string name;
  Shape shape;
  /// "" when both have it with one shape; else "only in A", "only in B", "shapes differ".
  std::string mismatch;
  bool same_type = true;          ///< both fp32 or both fp64
  std::int64_t differing = 0;     ///< elements whose values are not the same bits (after widening to fp64)
  double largest_difference = 0;  ///< max |a - b|; infinite when a NaN meets something else
  double largest_a = 0;           ///< max |a|
  double largest_b = 0;

  bool equal() const { return mismatch.empty() && same_type && differing == 0; }
};

/// Returns all tensors, in TensorOrder. Each of `threads` threads holds one block of 16 MiB of either side; a
/// block of B that meets several blocks of A is read once for each. Every block read is verified: throws
/// DamagedCheckpoint. `progress` is called with the bytes compared, both sides together; throws base::Stopped when it
/// returns false.
std::vector<TensorComparison> compare(base::FileSystem& files, const std::filesystem::path& a,
                                      const std::filesystem::path& b, int threads, const ReadProgress& progress);

}  // namespace trireme::checkpoint
