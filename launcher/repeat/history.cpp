#include "launcher/repeat/history.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::launcher {
namespace {

using base::str;

constexpr std::array<std::string_view, 16> kNoMatter = {"run.name",
                                                        "run.dir",
                                                        "run.pause_at",
                                                        "data.valid",
                                                        "data.tree",
                                                        "data.train",
                                                        "data.tokenizer",
                                                        "train.step_timeout",
                                                        "train.dump_gradients",
                                                        "train.stop_when",
                                                        "train.device",
                                                        "train.compare_replicas_every",
                                                        "train.straggler_every",
                                                        "train.straggler_factor",
                                                        "train.straggler_seconds",
                                                        "program.stop_seconds"};
constexpr std::array<std::string_view, 3> kSectionsNoMatter = {"checkpoint.", "log.", "slurm."};
constexpr std::array<std::string_view, 3> kOnlyRounding = {"parallel.", "train.micro_batch", "train.recompute"};

bool matters(std::string_view key) {
  const auto begins = [&](std::string_view section) { return key.starts_with(section); };
  return std::ranges::find(kNoMatter, key) == kNoMatter.end() && std::ranges::none_of(kSectionsNoMatter, begins);
}

bool rounds_only(std::string_view key) {
  return std::ranges::any_of(kOnlyRounding, [&](std::string_view prefix) { return key.starts_with(prefix); });
}

std::string change(const std::string& what, const std::string& before, const std::string& after) {
  return str(what, " ", before.empty() ? "(none)" : before, " -> ", after.empty() ? "(none)" : after);
}

using Map = std::map<std::string, std::string>;

/// Calls found(key, before, after) for every key whose values differ.
template <typename Found>
void for_each_change(const Map& before, const Map& after, const Found& found) {
  Map all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [key, value] : all) {
    const auto one = before.find(key), other = after.find(key);
    const std::string was = one == before.end() ? "" : one->second, is = other == after.end() ? "" : other->second;
    if (was != is) found(key, was, is);
  }
}

Map options_of(const AttemptRecord& record) {
  return options::to_map(options::parse_run_options(record.options, str("the record of attempt ", record.attempt)));
}

// Fingerprints and weights of the training data: where it lies does not matter.
std::string data_of(const AttemptRecord& record) {
  std::vector<std::string> words;
  for (const DatasetRecord& dataset : record.datasets) {
    if (dataset.key != "data.train") continue;
    words.push_back(dataset.weight > 0 ? str(dataset.fingerprint, " ", dataset.weight) : dataset.fingerprint);
  }
  return base::join(words);
}

// Returns the variables of the environment that choose between ways to compute.
Map environment_of(const AttemptRecord& record) {
  Map variables;
  for (const auto& [name, value] : record.environment) {
    if (may_be_set(name, value)) variables[name] = value;
  }
  return variables;
}

std::size_t nodes_of(const AttemptRecord& record) { return std::max<std::size_t>(record.hosts.size(), 1); }

std::string program_of(const AttemptRecord& record) {
  return record.commit.empty() ? record.version : str(record.version, " (commit ", record.commit, ")");
}

}  // namespace

std::vector<std::string> machine_differences(const AttemptRecord& before, const AttemptRecord& after) {
  std::vector<std::string> found;
  if (program_of(before) != program_of(after))
    found.push_back(change("trireme", program_of(before), program_of(after)));
  const auto add = [&](const std::string& name, const std::string& was, const std::string& is) {
    found.push_back(change(name, was, is));
  };
  for_each_change(before.libraries, after.libraries, add);
  if (before.cpu != after.cpu) found.push_back(change("CPU", before.cpu.text(), after.cpu.text()));
  for_each_change(environment_of(before), environment_of(after), add);
  return found;
}

Differences differences_between(const AttemptRecord& before, const AttemptRecord& after) {
  Differences found;
  if (before.options != after.options) {
    for_each_change(options_of(before), options_of(after),
                    [&](const std::string& key, const std::string& was, const std::string& is) {
                      if (matters(key))
                        (rounds_only(key) ? found.rounding : found.losses).push_back(change(key, was, is));
                    });
  }
  if (data_of(before) != data_of(after))
    found.losses.push_back(change("training data", data_of(before), data_of(after)));
  if (before.tokenizer != after.tokenizer)
    found.losses.push_back(change("tokenizer", before.tokenizer, after.tokenizer));
  if (before.ranks != after.ranks) found.rounding.push_back(change("ranks", str(before.ranks), str(after.ranks)));
  if (before.ranks_per_node != after.ranks_per_node) {
    found.rounding.push_back(change("ranks of a node", str(before.ranks_per_node), str(after.ranks_per_node)));
  }
  if (nodes_of(before) != nodes_of(after))
    found.rounding.push_back(change("nodes", str(nodes_of(before)), str(nodes_of(after))));
  if (before.threads != after.threads)
    found.rounding.push_back(change("threads of a rank", str(before.threads), str(after.threads)));
  if (before.device != after.device) found.rounding.push_back(change("device", before.device, after.device));
  std::ranges::move(machine_differences(before, after), std::back_inserter(found.rounding));
  return found;
}

std::vector<Stretch> stretches_of(const std::vector<AttemptRecord>& records, std::size_t first) {
  std::vector<Stretch> stretches;
  std::int64_t last = kLastStep;  // the steps after the lowest start of a later attempt were done again
  for (std::size_t i = records.size(); i-- > first;) {
    const std::int64_t after = records[i].first_step;
    if (after < last) stretches.push_back({i, after, last, {}});
    last = std::min(last, after);
  }
  std::ranges::reverse(stretches);
  for (Stretch& stretch : stretches) stretch.since = differences_between(records[first], records[stretch.record]);
  return stretches;
}

std::size_t first_that_counts(const std::vector<AttemptRecord>& records) {
  std::int64_t last = kLastStep;
  std::size_t found = 0;
  for (std::size_t i = records.size(); i-- > 0;) {
    if (records[i].first_step < last) found = i;
    last = std::min(last, records[i].first_step);
  }
  return found;
}

Comparable comparable_steps(const std::vector<Stretch>& stretches) {
  Comparable steps;
  for (const Stretch& stretch : stretches) {
    if (!stretch.since.none()) steps.bits = std::min(steps.bits, stretch.after);
    if (!stretch.since.losses.empty()) steps.rounding = std::min(steps.rounding, stretch.after);
  }
  return steps;
}

std::vector<std::string> history_text(const std::vector<AttemptRecord>& records,
                                      const std::vector<Stretch>& stretches) {
  std::vector<std::string> lines;
  bool rounded = false, changed = false;
  for (const Stretch& stretch : stretches) {
    if (stretch.since.none()) continue;
    std::vector<std::string> all = stretch.since.losses;
    all.insert(all.end(), stretch.since.rounding.begin(), stretch.since.rounding.end());
    changed = changed || !stretch.since.losses.empty();
    const char* meaning = changed   ? "from there the losses of a run without these changes are others"
                          : rounded ? "the losses agree to rounding here too"
                                    : "from there losses agree only to rounding";
    rounded = true;
    lines.push_back(str("after step ", stretch.after, " (attempt ", records[stretch.record].attempt,
                        "): ", base::join(all, "; "), ": ", meaning));
  }
  return lines;
}

}  // namespace trireme::launcher
