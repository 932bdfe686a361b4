// A usage report as tables for people and as JSON.
#pragma once

#include <string>

#include "base/json.hpp"
#include "launcher/usage/usage_report.hpp"

namespace trireme::launcher {

/// Three tables (people, projects, all jobs where the accounting answered), the shares of the top 5%, and what the
/// columns mean. Fits `width` cells. Names are escaped.
std::string usage_text(const UsageReport& report, std::size_t width);

/// The same as docs/usage.md describes it; hours and seconds are numbers.
base::Json to_json(const UsageReport& report);

}  // namespace trireme::launcher
