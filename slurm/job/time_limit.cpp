#include "slurm/job/time_limit.hpp"

#include <algorithm>
#include <charconv>

#include "slurm/queue/duration.hpp"

namespace trireme::slurm {

std::optional<double> parse_time_left(const std::string& answer) {
  const std::size_t first = answer.find_first_not_of(" \t\n");
  if (first == std::string::npos) return std::nullopt;
  const std::string word = answer.substr(first, answer.find_first_of(" \t\n", first) - first);
  const auto seconds = parse_duration(word);
  return seconds ? std::optional(static_cast<double>(*seconds)) : std::nullopt;
}

std::optional<double> find_job_end(const Lookup& lookup, const RunCommand& run, double now) {
  const std::string text = lookup("SLURM_JOB_END_TIME").value_or("");
  long long end = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), end);
  if (error == std::errc() && stopped == text.data() + text.size() && end > 0) return static_cast<double>(end);
  const auto job = lookup("SLURM_JOB_ID");
  if (!job || job->empty()) return std::nullopt;
  const auto answer = output_of(run, {"squeue", "--noheader", "--format=%L", "--jobs=" + *job});
  const auto left = answer ? parse_time_left(*answer) : std::nullopt;
  return left ? std::optional(now + *left) : std::nullopt;
}

double estimated_save_seconds(double state_bytes, int nodes) {
  constexpr double kBytesPerSecond = 200e6;
  constexpr double kFixed = 2.0;
  return kFixed + state_bytes / (kBytesPerSecond * std::max(1, nodes));
}

void TimeBudget::step_took(double seconds) {
  steps_.push_back(seconds);
  if (steps_.size() > kRecentSteps) steps_.pop_front();
}

void TimeBudget::save_took(double seconds) {
  save_ = seconds;
  save_measured_ = true;
}

double TimeBudget::longest_step() const {
  return steps_.empty() ? earlier_step_ : *std::max_element(steps_.begin(), steps_.end());
}

}  // namespace trireme::slurm
