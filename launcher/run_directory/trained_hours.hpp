// Hours trained: the x axis of curves on which waiting takes no room.
#pragma once

#include <optional>
#include <vector>

#include "launcher/run_directory/metrics_series.hpp"
#include "slurm/job/attempt_ledger.hpp"

namespace trireme::launcher {

/// 2001, in seconds since the epoch: an earlier "time" is something else that a program measured.
inline constexpr double kFirstTime = 1e9;

/// When the attempts began to train, seconds since the epoch, ascending.
std::vector<double> start_times(const std::vector<slurm::Attempt>& attempts);

/// Seconds of training between the line of an earlier step, written at `before`, and one written at `time`. What lies
/// before the newest start does not count: neither the time between two attempts, nor steps after `before` that the
/// new attempt did again. Without a `before` they count from that start; without a start either, it returns 0.
double trained_seconds(std::optional<double> before, double time, const std::vector<double>& starts);

/// Hours of training up to each row of a series that was read with "time": up to the first line of its step, so a
/// validation lies where its step does. NaN while no line told a time. A row whose step is not larger than the one
/// before goes on from the newest smaller step.
std::vector<double> trained_hours(const MetricsSeries& series, const std::vector<double>& starts);

}  // namespace trireme::launcher
