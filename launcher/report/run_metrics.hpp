// Reads metrics.jsonl for a report: every numeric field becomes a curve. The file may be somebody else's, damaged, of
// any size, and still growing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/report/curve.hpp"
#include "launcher/report/position.hpp"
#include "launcher/report/step_times.hpp"
#include "launcher/run_directory/run_directory.hpp"

namespace trireme::launcher {

/// What the model wrote after a prompt.
struct TextSample {
  std::int64_t step = 0;
  std::string prompt, text;
};

/// A moment in which a save held the training up.
struct SaveMark {
  double time = 0.0;  ///< seconds since the epoch: the end of the step that waited
  double seconds = 0.0;
};

struct NamedCurve {
  std::string field;
  Curve curve;
};

struct RunMetrics {
  std::vector<NamedCurve> curves;
  Positions positions;
  StepTimes step_times;
  std::vector<TextSample> samples;  ///< by step; of many steps the first, the last and some between
  std::vector<SaveMark> saves;      ///< the longest ones
  std::uint64_t lines = 0;
  std::uint64_t damaged = 0;         ///< as LineValues says
  std::uint64_t dropped_fields = 0;  ///< values of fields beyond kMostFields, or with longer names than kLongestField
};

/// A file with more fields is not charted whole; those that the overview and the axes need do not count.
inline constexpr std::size_t kMostFields = 200;
inline constexpr std::size_t kLongestField = 100;  ///< bytes of a field's name
inline constexpr std::size_t kMostSamples = 120;
inline constexpr std::size_t kLongestSample = 4000;  ///< bytes
inline constexpr std::size_t kMostSaves = 200;

/// A missing file has no lines. Where somebody's own program wrote it, all fields but those of docs/program.md are
/// curves, whatever their names. `starts` as in Positions, `most_buckets` as in Curve. LineValues says what a
/// line means. A torn last line is passed over. Throws as base::FileSystem::open_own() does.
RunMetrics read_metrics(base::FileSystem& files, const std::filesystem::path& file, const std::vector<double>& starts,
                        std::size_t most_buckets, MetricsWriter writer = MetricsWriter::kAttempt);

}  // namespace trireme::launcher
