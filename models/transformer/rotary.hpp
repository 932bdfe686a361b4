// Rotary position tables (Su et al., "RoFormer", 2021), and how they are stretched for longer texts.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/spec/plan.hpp"

namespace trireme::transformer {

struct RotaryTables {
  at::Tensor cosine;  ///< (positions, rotated elements of a head / 2)
  at::Tensor sine;
  bool by_row = false;  ///< row i is for row i of (T, B), counted through, not for all sequences' position i
};

/// The angle of pair i from one position to the next: theta^(-2i / n) for n rotated elements, stretched as `rotary`
/// says. Sources: linear, Chen et al., "Extending context window …", arXiv 2306.15595; llama3, the configuration of
/// Llama 3.1; yarn, Peng et al., arXiv 2309.00071, with the bounds of the ramp rounded to whole pairs.
std::vector<double> rotary_frequencies(const spec::AttentionSpec& attention);

/// The tables are computed in fp64 and rounded to `type`.
RotaryTables rotary_tables(std::int64_t positions, const spec::AttentionSpec& attention, at::ScalarType type,
                           at::Device device);

/// The tables of a chunk's layers; layers with the same angles share one.
class RotaryCache {
 public:
  RotaryCache(at::ScalarType type, at::Device device) : type_(type), device_(device) {}

  /// Makes the tables of `attention` cover `positions`.
  void prepare(const spec::AttentionSpec& attention, std::int64_t positions);
  /// Those of `attention`, which was prepared; undefined tensors when it has no rotary positions.
  RotaryTables tables(const spec::AttentionSpec& attention) const;
  /// The same tables by row: row i is of position positions[i] (int64, covered by all).
  RotaryCache at(const at::Tensor& positions) const;

 private:
  struct Entry {
    std::int64_t head_size;
    spec::RotarySpec rotary;
    RotaryTables tables;
  };
  const Entry* find(const spec::AttentionSpec& attention) const;

  at::ScalarType type_;
  at::Device device_;
  std::vector<Entry> entries_;
};

}  // namespace trireme::transformer
