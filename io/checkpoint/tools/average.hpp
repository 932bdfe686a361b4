// Averages the parameters of checkpoints of one model, whatever layouts and precisions wrote them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/save/whole_writer.hpp"
#include "io/checkpoint/tools/verify.hpp"

namespace trireme::checkpoint {

struct AverageSource {
  OpenedCheckpoint opened;
  double weight = 1;  ///< finite and above 0; only the ratios of weights count
};

/// The parameters that all sources have, in the order in which they lie in the first one's shards: fp64 where any
/// source has fp64, else fp32. Throws base::InputError, which names both checkpoints and the first tensor that differs,
/// unless all have the same names and shapes; also for a checkpoint without parameters. `sources` is not empty.
std::vector<WholeTensor> averaged_tensors(std::span<const AverageSource> sources);

/// Bytes of the parameters of all sources: what the averaging reads.
std::uint64_t averaged_bytes(std::span<const AverageSource> sources);

struct Averaging {
  std::string hub;  ///< content of HUB.json; "": none
  int threads = 1;  ///< each holds about 57 MiB, whatever the model
  /// Called with the bytes of the sources that were added so far; false ends the averaging with base::Stopped.
  ReadProgress progress = [](std::uint64_t) { return true; };
};

/// Fills the empty directory `directory` with a checkpoint whose parameters are the sources' weighted means, and fsyncs
/// all of it; the caller gives it its name. Each element is sum(weight * value) / sum(weight), added up in fp64 in the
/// order of the sources and rounded once. `manifest` says what the checkpoint is; files, boxes and checksum are set
/// here. Every block read is verified before this returns. Returns the total length of the files. Throws as
/// averaged_tensors() and write_whole(); DamagedCheckpoint for a source. What was written then stays for the caller to
/// remove.
std::uint64_t write_average(base::FileSystem& files, std::span<const AverageSource> sources,
                            const std::filesystem::path& directory, const Manifest& manifest,
                            const Averaging& averaging);

}  // namespace trireme::checkpoint
