#include "launcher/usage/spared.hpp"

#include <cmath>
#include <exception>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr std::int64_t kMostTrials = 100'000;
constexpr std::int64_t kMostSteps = std::int64_t{1} << 53;

std::int64_t step_in(const Json& value) {
  const std::int64_t step = base::whole_number(value);
  if (step < 0 || step > kMostSteps) throw base::Error("no step of a training");
  return step;
}

SweepTrials read_trials(base::FileSystem& files, const fs::path& sweep) {
  SweepTrials trials;
  try {
    base::read_ledger(files, sweep / "sweep.jsonl", base::Trust::kContent,
                      [&](std::string_view line) { trials.take(line); });
  } catch (const std::exception&) {
    // What cannot be read counts as not there.
  }
  return trials;
}

}  // namespace

void SweepTrials::take(std::string_view text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return;
  try {
    const auto event = line.value("event", std::string());
    if (event == "sweep") {
      const Json& rungs = line.at("rungs");
      if (rungs.is_array() && !rungs.empty()) steps = step_in(rungs.back());
      return;
    }
    if (event != "claim" && event != "result" && event != "released" && event != "ended" && event != "retry") return;
    const std::int64_t number = base::whole_number(line.at("trial"));
    if (number < 0 || number >= kMostTrials) return;
    Trial changed = trials[number];
    changed.time = line.value("time", changed.time);
    changed.rests = event == "result" || (event == "ended" && line.value("how", std::string()) == "diverged");
    const char* const done = event == "released" ? "saved_step" : "step";
    if (line.contains(done)) changed.steps = std::max(changed.steps, step_in(line.at(done)));
    trials[number] = changed;
  } catch (const std::exception&) {
    // A field of another type or without sense: no line of a sweep.
  }
}

std::vector<SparedTime> spared_time(base::FileSystem& files, const std::vector<fs::path>& sweeps,
                                    const std::vector<RunRecord>& runs, const Span& window) {
  std::map<fs::path, const RunRecord*> by_path;
  for (const RunRecord& run : runs) by_path[run.path] = &run;
  std::vector<SparedTime> spared;
  for (const fs::path& sweep : sweeps) {
    const SweepTrials trials = read_trials(files, sweep);
    for (const auto& [number, trial] : trials.trials) {
      const auto run = by_path.find(sweep / base::str("trial_", number));
      if (run == by_path.end() || !trial.rests || !window.holds(trial.time) || trial.steps >= trials.steps) continue;
      const double seconds = static_cast<double>(trials.steps - trial.steps) * run->second->use.seconds_per_step;
      spared.push_back({run->second->person, run->second->project, run->second->gpus, seconds});
    }
  }
  return spared;
}

}  // namespace trireme::launcher
