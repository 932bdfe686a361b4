// The parts of a checkpoint's files, by what their bytes mean (docs/checkpoint_format.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/io/checkpoint/damage_run.hpp"

namespace trireme::checkpoint::tests {

/// Bytes [begin, end) of a file that mean one thing.
struct Part {
  std::string object;  ///< "manifest cursor", "BOXES.bin dims", "HDF5 metadata", "padding", "adam_m data"
  std::string file;
  std::uint64_t begin;
  std::uint64_t end;
};

/// Parts that together are every byte of every file.
std::vector<Part> parts_of(const DamageRun& run);

}  // namespace trireme::checkpoint::tests
