// Parses and formats durations in Slurm's notation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace trireme::slurm {

/// Seconds of "minutes", "minutes:seconds", "hours:minutes:seconds", "days-hours", "days-hours:minutes" or
/// "days-hours:minutes:seconds" (sbatch(1), --time). Nothing for any other text, "UNLIMITED" and "INVALID" included.
std::optional<std::int64_t> parse_duration(const std::string& text);

/// "1-02:03:04" or "02:03:04", which parse_duration() reads back. `seconds` >= 0.
std::string format_slurm_duration(std::int64_t seconds);

}  // namespace trireme::slurm
