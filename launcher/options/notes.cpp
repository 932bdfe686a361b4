#include "launcher/options/notes.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/model.hpp"
#include "models/spec/families/family.hpp"

namespace trireme::options {

using base::str;

std::vector<std::string> notes_on(const Resolved& resolved, std::int64_t dataset_vocab) {
  std::vector<std::string> notes;
  const std::int64_t vocab = resolved.model.vocab, steps = resolved.steps;
  if (dataset_vocab > 0 && vocab > dataset_vocab) {
    notes.push_back(str("model.vocab = ", vocab, " is larger than the dataset's ", dataset_vocab, " tokens: the other ",
                        vocab - dataset_vocab, " are never seen"));
  }
  const OptimizerSection& optimizer = resolved.options.optimizer;
  const std::int64_t warmup = *optimizer.warmup_steps;
  if (warmup > steps) {
    notes.push_back(str("optimizer.warmup_steps = ", warmup, " is longer than the run of ", steps,
                        " steps: the learning rate never reaches optimizer.lr"));
  } else if (optimizer.lr_schedule != "constant" && optimizer.decay_steps > steps - warmup) {
    notes.push_back(str("optimizer.decay_steps = ", optimizer.decay_steps, " is longer than the ", steps - warmup,
                        " steps after the warm-up: the learning rate does not come down to optimizer.min_lr"));
  }
  const std::int64_t every = resolved.options.train.compare_replicas_every;
  if (every > 0 && resolved.options.parallel.dp == 1) {
    notes.push_back(str("train.compare_replicas_every = ", every, ": there is one replica, so nothing is compared"));
  }
  return notes;
}

std::vector<std::string> kept_by_file(const RunOptions& file, const Overrides& overrides) {
  const auto given = [&](const std::string& path) {
    const auto found = std::ranges::find_if(overrides, [&](const auto& override) { return override.first == path; });
    return found == overrides.end() ? std::string() : found->second;
  };
  std::vector<std::string> notes;
  if (const std::string name = given("model.preset"); spec::preset(name)) {
    RunOptions preset;
    preset.model = properties_of(name);
    std::string kept;
    for (const Key& key : key_table()) {
      const auto own = value_of(file, key), published = value_of(preset, key);
      if (key.section != "model" || !own || !published || own == published || !given(key.path()).empty()) continue;
      kept += (kept.empty() ? "" : ", ") + key.path() + " = " + *own;
    }
    if (!kept.empty()) {
      notes.push_back(str("model.preset = ", name, " was given on the command line, and the run file's sizes win over ",
                          "it: ", kept, " (take them out of the file for the preset's)"));
    }
  }
  if (const std::string name = given("run.name"); !name.empty() && !file.run.dir.empty() && given("run.dir").empty()) {
    notes.push_back(str("run.name = ", name, " was given on the command line, and the run directory stays ",
                        file.run.dir, ", as run.dir in the run file says"));
  }
  return notes;
}

}  // namespace trireme::options
