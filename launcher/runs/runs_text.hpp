// Runs of a team as people and programs read them.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "launcher/runs/run_diff.hpp"
#include "launcher/runs/run_index.hpp"

namespace trireme::launcher {

/// What the list may be sorted by: "run", "when" (the newest first), "loss" (the lowest first).
void sort_runs(std::vector<IndexedRun>& runs, const std::string& by);

std::string runs_table(const std::vector<IndexedRun>& runs);
base::Json to_json(const IndexedRun& run);

std::string diff_table(const std::vector<RunDifference>& differences, const std::string& a, const std::string& b);
base::Json to_json(const RunDifference& difference);

}  // namespace trireme::launcher
