// Finds what is wrong with a job from a survey of it. Pure: no rank is asked again.
#pragma once

#include <string>
#include <vector>

#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

enum class Severity {
  kDefect,   ///< the run would fail, hang or be far slower than it needs to be: exit code 1
  kWarning,  ///< worth a look
};

struct Finding {
  Severity severity = Severity::kDefect;
  std::string check;       ///< gpu, cpu, memory, version, clock, directory, disk, link
  std::string sentence;    ///< what, where, and what to do
  std::vector<int> ranks;  ///< the ranks that are marked in the table
  std::string mark;        ///< the few words that mark them there
};

/// A value is an outlier when it is less than this share of the median of its kind (of two values: of the larger one).
inline constexpr double kSlowShare = 0.5;
/// Memory limits that differ by less than this share count as equal: kernels keep back a little, not always the same.
inline constexpr double kMemoryTolerance = 0.1;
/// A larger difference from the other clocks is a warning. It is not a defect, since nothing in Trireme compares the
/// clocks of two nodes to decide (leases go by content); logs and Slurm's own credentials do compare them.
inline constexpr double kClockSeconds = 1.0;

/// Returns every finding, defects first. A fault that many ranks share is one finding that names the first places and
/// counts the rest, so that a thousand ranks with one fault give one sentence.
std::vector<Finding> judge(const Survey& survey);

// The parts of judge(), one for each kind of check.
std::vector<Finding> judge_gpus(const Survey& survey);
std::vector<Finding> judge_cpus(const Survey& survey);
std::vector<Finding> judge_memory(const Survey& survey);
std::vector<Finding> judge_versions(const Survey& survey);
std::vector<Finding> judge_clocks(const Survey& survey);
std::vector<Finding> judge_directory(const Survey& survey);
std::vector<Finding> judge_disks(const Survey& survey);
std::vector<Finding> judge_links(const Survey& survey);

/// The middle one of the values; for an even number of values the larger of the two in the middle; 0 without values.
double upper_median(std::vector<double> values);

/// "rank 3 on host n1", "ranks 4-7 on host n2", "ranks 4-7 on host n2, rank 9 on host n3 and 12 ranks on 2 more hosts".
/// `ranks` must be ascending.
std::string places(const Survey& survey, const std::vector<int>& ranks);

/// " has" after one rank, " have" after several.
const char* has(const std::vector<int>& ranks);

}  // namespace trireme::doctor
