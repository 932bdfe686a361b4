// A checkpoint made of the weighted mean of others: what may be averaged, and what the result says of itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "base/output_file.hpp"
#include "io/checkpoint/tools/average.hpp"

namespace trireme::launcher {

/// The member of a manifest's `extra` that lists what was averaged.
inline constexpr const char* kAveraged = "averaged";

/// One weight for each of `count` checkpoints, scaled by a power of two so that the largest is below 1; all 1 for an
/// empty text. `text` holds numbers above 0 with commas between them. Throws base::InputError naming --weights.
std::vector<double> parse_weights(const std::string& text, std::size_t count);

/// Opens the step directories, whose weights these are. Throws base::InputError, which names the first key, tensor or
/// tokenizer that differs, unless all hold one model; DamagedCheckpoint.
std::vector<checkpoint::AverageSource> open_sources(base::FileSystem& files,
                                                    const std::vector<std::filesystem::path>& step_directories,
                                                    const std::vector<double>& weights);

struct AverageOptions {
  int threads = 1;
  base::Overwrite overwrite = base::Overwrite::kRefused;
  checkpoint::ReadProgress progress;  ///< as checkpoint::Averaging has it
};

struct AverageResult {
  std::int64_t step = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;  ///< total length of the files
  base::Json sources;       ///< [{path, step, weight, checksum}, …]; the weights' sum is 1
  double seconds = 0;
};

/// Writes the step directory `output`: the parameters alone; options, HUB.json and tokenizer of the first source; the
/// largest step of all. Its manifest lists the sources (docs/checkpoint_format.md). It appears whole or not at all.
/// Throws as OutputDirectory and checkpoint::write_average(); base::InputError also when `output` is or lies in a
/// source, or its name is that of another step, or a run would resume from it.
AverageResult average(base::FileSystem& files, const std::vector<checkpoint::AverageSource>& sources,
                      const std::filesystem::path& output, const AverageOptions& options);

/// A line for each checkpoint that a manifest's `extra` says was averaged: "runs/a/checkpoints/step_100, step 100,
/// weight 0.333". Empty when it says nothing of the kind.
std::vector<std::string> averaged_lines(const base::Json& extra);

}  // namespace trireme::launcher
