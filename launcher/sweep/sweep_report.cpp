#include "launcher/sweep/sweep_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/console/format.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/sweep/sweep_file.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using base::str;

constexpr const char* kSeed = "run.seed";

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

std::string steps_text(std::int64_t steps) {
  return with_commas(static_cast<std::uint64_t>(std::max<std::int64_t>(0, steps)));
}

std::vector<std::string> parameter_names(const SweepState& state) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const TrialRecord& trial : state.trials) {
    for (const auto& [name, value] : trial.parameters) {
      if (seen.insert(name).second) names.push_back(name);
    }
  }
  return names;
}

std::string value_of(const TrialRecord& trial, const std::string& name) {
  return value_in(trial.parameters, name).value_or("-");
}

std::int64_t live_step(const SweepState& state, std::size_t trial, const LiveSteps& live) {
  const auto found = live.find(trial);
  return std::max(state.trials[trial].steps_done, found == live.end() ? 0 : found->second);
}

std::string metric_text(const TrialRecord& trial) {
  return trial.results.empty() ? "-" : number(trial.results.back().metric);
}

std::vector<std::string> row_of(const SweepState& state, std::size_t trial, const std::vector<std::string>& names,
                                const LiveSteps& live) {
  std::vector<std::string> row{std::to_string(trial)};
  for (const std::string& name : names) row.push_back(value_of(state.trials[trial], name));
  row.push_back(trial_state(state, trial));
  row.push_back(std::to_string(live_step(state, trial, live)));
  row.push_back(metric_text(state.trials[trial]));
  row.push_back(state.trials[trial].why);
  return row;
}

std::string table_of(const SweepState& state, const std::vector<std::size_t>& trials, const LiveSteps& live) {
  const auto names = parameter_names(state);
  std::vector<std::string> head{"trial"};
  head.insert(head.end(), names.begin(), names.end());
  head.insert(head.end(), {"state", "step", state.header.metric, "note"});
  std::vector<std::vector<std::string>> rows{head};
  for (const std::size_t trial : trials) rows.push_back(row_of(state, trial, names, live));
  const bool notes = std::ranges::any_of(trials, [&](std::size_t trial) { return !state.trials[trial].why.empty(); });
  if (!notes) {
    for (auto& row : rows) row.pop_back();
  }
  TableShape shape;
  for (std::size_t i = 0; i < rows[0].size(); ++i) {
    if (rows[0][i] != "state" && rows[0][i] != "note") shape.right.push_back(i);
  }
  return format_table(rows, shape);
}

std::size_t idea_count(const SweepState& state, std::size_t* seeds) {
  std::set<std::string> ideas;
  for (const TrialRecord& trial : state.trials) {
    Json idea = Json::array();
    for (const auto& entry : trial.parameters) {
      if (entry.first != kSeed) idea.push_back({entry.first, entry.second});
    }
    ideas.insert(idea.dump());
  }
  *seeds = ideas.empty() ? 1 : state.trials.size() / ideas.size();
  // Points that a random draw repeats are tries of their own.
  const bool swept = std::ranges::any_of(
      state.trials, [](const auto& trial) { return value_in(trial.parameters, kSeed).has_value(); });
  if (!swept) *seeds = 1;
  return swept ? ideas.size() : state.trials.size();
}

}  // namespace

std::string trial_state(const SweepState& state, std::size_t number) {
  const TrialRecord& trial = state.trials.at(number);
  if (!trial.ended.empty()) return trial.ended;
  if (trial.results.size() == state.header.plan.rungs.size()) return "done";
  if (trial.claim) return "running";
  if (trial.interrupted) return "waiting";
  return trial.results.empty() ? "new" : "paused";
}

LiveSteps read_live(base::FileSystem& files, const std::filesystem::path& directory, const SweepState& state) {
  LiveSteps live;
  for (std::size_t i = 0; i < state.trials.size(); ++i) {
    if (!state.trials[i].claim) continue;
    const RunFacts facts = read_run(files, trial_directory(directory.string(), i));
    if (facts.newest) live[i] = facts.newest->step;
  }
  return live;
}

std::string trials_table(const SweepState& state, const LiveSteps& live) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < state.trials.size(); ++i) all.push_back(i);
  return table_of(state, all, live);
}

Json trials_json(const SweepState& state, const LiveSteps& live) {
  Json all = Json::array();
  for (std::size_t i = 0; i < state.trials.size(); ++i) {
    const TrialRecord& trial = state.trials[i];
    Json parameters = Json::object(), results = Json::array();
    for (const auto& [name, value] : trial.parameters) parameters[name] = value;
    for (const RungResult& result : trial.results)
      results.push_back({{"step", result.step}, {"metric", result.metric}});
    all.push_back({{"trial", i},
                   {"parameters", parameters},
                   {"state", trial_state(state, i)},
                   {"step", live_step(state, i, live)},
                   {"results", results},
                   {"note", trial.why}});
  }
  return all;
}

std::vector<std::size_t> best_trials(const SweepState& state) {
  const auto trials = state.asha_trials();
  std::vector<std::size_t> best;
  for (std::size_t rung = state.header.plan.rungs.size(); rung-- > 0;) {
    for (const std::size_t trial : ranking(state.header.plan, trials, rung, true)) {
      if (trials[trial].metrics.size() == rung + 1) best.push_back(trial);
    }
  }
  return best;
}

std::string best_table(const SweepState& state, std::size_t most) {
  auto best = best_trials(state);
  best.resize(std::min(best.size(), most));
  return table_of(state, best, {});
}

std::vector<SeedGroup> seed_groups(const SweepState& state) {
  std::vector<SeedGroup> groups;
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < state.trials.size(); ++i) {
    const TrialRecord& trial = state.trials[i];
    if (!value_in(trial.parameters, kSeed) || (trial.ended.empty() && trial.results.empty())) continue;
    auto parameters = trial.parameters;
    std::erase_if(parameters, [](const auto& entry) { return entry.first == kSeed; });
    const auto [at, fresh] = index.emplace(Json(parameters).dump(), groups.size());
    if (fresh) groups.push_back({parameters, {}, 0, state.header.plan.rungs.size() - 1});
    SeedGroup& group = groups[at->second];
    if (!trial.ended.empty()) {
      ++group.ended;
      continue;
    }
    group.trials.push_back(i);
    group.rung = std::min(group.rung, trial.results.size() - 1);
  }
  std::erase_if(groups, [](const SeedGroup& group) { return group.trials.empty(); });
  for (SeedGroup& group : groups) {
    std::vector<double> metrics;
    for (const std::size_t i : group.trials) metrics.push_back(state.trials[i].results[group.rung].metric);
    for (const double metric : metrics) group.mean += metric / static_cast<double>(metrics.size());
    group.low = *std::ranges::min_element(metrics);
    group.high = *std::ranges::max_element(metrics);
  }
  const bool minimise = state.header.plan.minimise;
  std::ranges::stable_sort(groups, [&](const SeedGroup& a, const SeedGroup& b) {
    if ((a.ended > 0) != (b.ended > 0)) return b.ended > 0;
    if (a.rung != b.rung) return a.rung > b.rung;
    return minimise ? a.mean < b.mean : a.mean > b.mean;
  });
  return groups;
}

std::string seeds_table(const SweepState& state) {
  std::vector<std::string> names = parameter_names(state);
  std::erase(names, kSeed);
  std::vector<std::string> head = names;
  head.insert(head.end(), {"seeds", "step", "mean " + state.header.metric, "lowest", "highest"});
  std::vector<std::vector<std::string>> rows{head};
  for (const SeedGroup& group : seed_groups(state)) {
    std::vector<std::string> row;
    for (const std::string& name : names) row.push_back(value_in(group.parameters, name).value_or("-"));
    const std::string ended = group.ended > 0 ? str(" (", group.ended, " ended early)") : "";
    row.insert(row.end(),
               {std::to_string(group.trials.size()) + ended, std::to_string(state.header.plan.rungs[group.rung]),
                number(group.mean), number(group.low), number(group.high)});
    rows.push_back(row);
  }
  return format_table(rows);
}

std::string progress_text(const SweepState& state) {
  std::map<std::string, std::size_t> counts;
  for (std::size_t i = 0; i < state.trials.size(); ++i) ++counts[trial_state(state, i)];
  std::vector<std::string> parts;
  for (const char* name : {"running", "paused", "waiting", "new", "diverged", "failed", "stopped"}) {
    if (counts[name] > 0) parts.push_back(str(counts[name], " ", name));
  }
  return str(state.header.name, ": ", counts["done"], " of ", state.trials.size(), " trials done",
             parts.empty() ? "" : ", ", base::join(parts));
}

std::int64_t steps_done(const SweepState& state) {
  std::int64_t steps = 0;
  for (const TrialRecord& trial : state.trials) steps += trial.steps_done;
  return steps;
}

std::string price_paid_text(const SweepState& state) {
  std::size_t seeds = 1;
  const std::size_t ideas = idea_count(state, &seeds);
  const std::string what =
      str(ideas, ideas == 1 ? " idea" : " ideas", seeds > 1 ? str(" with ", seeds, " seeds each") : "");
  const auto full = static_cast<std::int64_t>(state.trials.size()) * state.header.steps();
  const std::int64_t done = steps_done(state);
  if (full == 0) return str(what, ": ", steps_text(done), " steps");
  return str(what, " for ", std::lround(100.0 * static_cast<double>(done) / static_cast<double>(full)),
             "% of the full price: ", steps_text(done), " of ", steps_text(full), " steps");
}

std::string plan_text(const SweepHeader& header, const KnownPace& pace) {
  const auto trials = static_cast<std::int64_t>(header.trials);
  const bool early = header.plan.rungs.size() > 1;
  std::string text = str("sweep     ", header.name, ": ", trials, trials == 1 ? " trial" : " trials");
  if (header.steps() > 0) text += str(" of ", steps_text(header.steps()), " steps");
  text += str(", by the ", header.plan.minimise ? "lowest " : "highest ", header.metric, "\n");
  if (early) {
    std::vector<std::string> rungs;
    for (std::size_t i = 0; i + 1 < header.plan.rungs.size(); ++i) rungs.push_back(steps_text(header.plan.rungs[i]));
    text += str("stopping  after step ", base::join(rungs), " only the best 1/", header.plan.reduction, " go on\n");
  }
  if (header.steps() == 0) return text;
  const std::int64_t full = trials * header.steps(), expected = expected_steps(header.plan, trials);
  const auto share = std::lround(100.0 * static_cast<double>(expected) / static_cast<double>(full));
  text += str("price     ", steps_text(full), " steps in full",
              early ? str(", about ", steps_text(expected), " (", share, "%) with early stopping") : "", "\n");
  if (pace.seconds_per_step > 0) {
    const double hours = static_cast<double>(expected) * pace.seconds_per_step / 3600;
    text +=
        str("          ", early ? "about " : "",
            format_device_hours(hours * static_cast<double>(pace.ranks), pace.gpus), " at the pace of ", pace.of, " (",
            format_duration(pace.seconds_per_step), " a step on ", pace.ranks, pace.ranks == 1 ? " rank)" : " ranks)");
    if (pace.billing_per_hour) text += str(", ", number(hours * *pace.billing_per_hour), " billing units");
    text += "\n";
  } else if (pace.billing_per_hour) {
    text += str("          ", number(*pace.billing_per_hour), " billing units an hour for each trial that runs\n");
  }
  return text;
}

std::string start_text(const SweepState& state, std::size_t number) {
  const TrialRecord& trial = state.trials.at(number);
  const std::int64_t until = trial.claim ? state.header.plan.rungs[trial.claim->rung] : 0;
  std::string text = str("trial ", number);
  text += trial.steps_done > 0 ? str(" goes on after step ", trial.steps_done) : std::string(" starts");
  if (until > 0) text += str(" up to step ", until);
  if (trial.steps_done > 0) return text;
  std::vector<std::string> parameters;
  for (const auto& [key, value] : trial.parameters) parameters.push_back(str(key, " = ", value));
  return str(text, ": ", base::join(parameters));
}

std::string end_text(const SweepState& state, std::size_t number) {
  const TrialRecord& trial = state.trials.at(number);
  const std::string name = str("trial ", number);
  if (!trial.ended.empty()) return str(name, " ", trial.ended, ": ", trial.why);
  if (!trial.why.empty()) return str(name, " goes on later: ", trial.why);
  if (trial.results.empty()) return name + " still runs";
  const bool done = trial.results.size() == state.header.plan.rungs.size();
  return str(name, " at step ", trial.results.back().step, ": ", state.header.metric, " ", metric_text(trial),
             done ? ", done" : "");
}

}  // namespace trireme::launcher
