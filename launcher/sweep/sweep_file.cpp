#include "launcher/sweep/sweep_file.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/names.hpp"
#include "base/words.hpp"
#include "launcher/options/ini_text.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/number.hpp"
#include "launcher/options/resolve.hpp"
#include "launcher/sweep/program_parameters.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

struct Setting {
  std::function<void(SweepSettings&, const std::string& text)> store;
};

Setting text_setting(std::string SweepSettings::*member, const std::vector<std::string>& allowed = {}) {
  return {[member, allowed](SweepSettings& settings, const std::string& text) {
    if (!allowed.empty() && std::ranges::count(allowed, text) == 0) {
      const std::string near = base::nearest(text, allowed);
      throw InputError(str(text, " is not known", near.empty() ? "" : ", did you mean " + near + "?",
                           " (allowed: ", base::join(allowed), ")"));
    }
    if (text.empty()) throw InputError("it is empty");
    settings.*member = text;
  }};
}

Setting number_setting(std::int64_t SweepSettings::*member, std::int64_t low, std::int64_t high) {
  return {[member, low, high](SweepSettings& settings, const std::string& text) {
    const auto value = options::parse_integer(text);
    if (!value || *value < low || *value > high) {
      throw InputError(str("it needs a whole number, ",
                           options::range_text(static_cast<double>(low), static_cast<double>(high)), ", not '", text,
                           "'"));
    }
    settings.*member = *value;
  }};
}

constexpr std::int64_t kMostTrials = 100'000;
constexpr std::int64_t kMostSteps = std::int64_t{1} << 53;

const std::map<std::string, Setting>& settings_table() {
  static const std::map<std::string, Setting> table = {
      {"name", text_setting(&SweepSettings::name)},
      {"dir", text_setting(&SweepSettings::dir)},
      {"method", text_setting(&SweepSettings::method, {"product", "random", "sobol"})},
      {"trials", number_setting(&SweepSettings::trials, 1, kMostTrials)},
      {"seed", number_setting(&SweepSettings::seed, 0, kMostSteps)},
      {"seeds", number_setting(&SweepSettings::seeds, 1, 1000)},
      {"constraint", text_setting(&SweepSettings::constraint)},
      {"metric", text_setting(&SweepSettings::metric)},
      {"goal", text_setting(&SweepSettings::goal, {"min", "max"})},
      {"early_stopping", text_setting(&SweepSettings::early_stopping, {"asha", "none"})},
      {"steps", number_setting(&SweepSettings::steps, 1, kMostSteps)},
      {"min_steps", number_setting(&SweepSettings::min_steps, 1, kMostSteps)},
      {"reduction", number_setting(&SweepSettings::reduction, 2, 1000)}};
  return table;
}

// What the sweep sets itself, and why a person cannot vary it.
const std::map<std::string, std::string>& keys_of_the_sweep() {
  static const std::map<std::string, std::string> keys = {
      {"run.name", "it names the trials itself"},
      {"run.dir", "each trial has a directory of its own: set [sweep] dir"},
      {"program.params", "name its parameters themselves, as in lr = 0.1, 0.2"},
      {"run.pause_at", "trials are paused at rungs: set [sweep] min_steps"},
      {"train.steps", "trials are compared at equal steps"},
      {"train.tokens", "trials are compared at equal steps"}};
  return keys;
}

NumberKind kind_of(const options::Key& key) {
  const bool integer = std::holds_alternative<options::FieldOf<std::int64_t>>(key.field) ||
                       std::holds_alternative<options::FieldOf<std::optional<std::int64_t>>>(key.field) ||
                       std::holds_alternative<options::FieldOf<std::optional<spec::PerLayer<std::int64_t>>>>(key.field);
  return integer ? NumberKind::kInteger : NumberKind::kReal;
}

[[noreturn]] void refuse_setting(const std::string& origin, const std::string& name, const SweepFile& file) {
  std::vector<std::string> names;
  for (const auto& entry : settings_table()) names.push_back(entry.first);
  std::vector<std::string> near_to = names;
  for (const options::Key& key : options::key_table()) near_to.push_back(key.path());
  std::string near;
  for (const options::Key& key : options::key_table()) {
    if (near.empty() && key.name == name) near = key.path();
  }
  if (near.empty()) near = base::nearest(name, near_to);
  throw InputError(
      str(origin, ": [sweep] ", name, " is no setting of a sweep", near.empty() ? "" : ", did you mean " + near + "?",
          file.base.program.given()
              ? str(" (a parameter of the program must stand in program.command as {", name, "}, or in program.params)")
              : str(" (settings: ", base::join(names), ")")));
}

// `text` is a parameter's values.
void add_parameter(const std::string& origin, const std::string& name, const std::string& text, SweepFile& file) {
  std::vector<std::string> before;
  for (const SweptParameter& parameter : file.space.parameters) before.push_back(parameter.name);
  NumberKind kind = NumberKind::kByText;
  if (name.find('.') != std::string::npos) {
    const auto fixed = keys_of_the_sweep().find(name);
    if (fixed != keys_of_the_sweep().end()) {
      throw InputError(str(origin, ": [sweep] cannot vary ", name, ": ", fixed->second));
    }
    const options::Key key = options::find_key(name);
    const bool of_every_run = key.section == "run" || key.section == "slurm";
    if (!of_every_run && (key.section == "program") != file.base.program.given()) {
      throw InputError(str(origin, ": [sweep] varies ", name, ", which does nothing in a run ",
                           file.base.program.given() ? "with" : "without", " a [program]"));
    }
    kind = kind_of(key);
  } else if (!takes_parameter(file.base, name)) {
    refuse_setting(origin, name, file);
  }
  file.space.parameters.push_back(parse_parameter(name, text, kind, before));
}

// The run file without the [sweep] section, whose keys go to `section`.
std::string split(const std::string& text, const std::string& origin,
                  std::vector<std::pair<std::string, std::string>>& section) {
  constexpr std::string_view kSweep = "sweep.";
  std::string rest;
  for (const auto& [path, value] : base::parse_ini(text, origin)) {
    if (path.starts_with(kSweep)) {
      section.emplace_back(path.substr(kSweep.size()), value);
      continue;
    }
    const std::size_t dot = path.find('.');
    if (dot == std::string::npos) throw InputError(str(origin, ": key ", path, " stands before the first [section]"));
    rest += str("[", path.substr(0, dot), "]\n", path.substr(dot + 1), " = ", value, "\n");
  }
  if (section.empty()) {
    throw InputError(str(origin, " has no [sweep] section: it says what varies, as in optimizer.lr = 1e-4, 3e-4"));
  }
  return rest;
}

void complete_names(const std::string& origin, SweepFile& file) {
  SweepSettings& settings = file.settings;
  if (!file.base.run.dir.empty()) {
    throw InputError(str(origin, ": a sweep's trials have directories of their own: set [sweep] dir, not run.dir"));
  }
  if (settings.name.empty()) settings.name = file.base.run.name;
  if (settings.name.empty()) settings.name = std::filesystem::path(origin).stem().string();
  if (!base::is_host_name(settings.name)) {
    throw InputError(str(origin, ": a sweep's name is made of letters, digits, '-', '_' and '.', not '", settings.name,
                         "': set [sweep] name"));
  }
  if (settings.dir.empty()) settings.dir = "sweeps/" + settings.name;
}

// Trials are compared at equal steps. With train.tokens a step's tokens say how many there are.
void refuse_unequal_lengths(const std::string& origin, const SweepFile& file) {
  if (file.base.program.given() || file.base.train.tokens == 0) return;
  const bool varies = std::ranges::any_of(file.space.parameters, [](const SweptParameter& parameter) {
    return parameter.name == "train.global_batch" || parameter.name == "model.sequence" ||
           parameter.name == "model.preset";
  });
  if (!varies && file.base.model.init_from.empty()) return;
  throw InputError(str(origin,
                       ": with train.tokens the trials would have different numbers of steps, or ones that only ",
                       "model.init_from tells: give train.steps"));
}

void complete_plan(const std::string& origin, SweepFile& file) {
  SweepSettings& settings = file.settings;
  refuse_unequal_lengths(origin, file);
  if (settings.steps > 0 && !file.base.program.given()) {
    throw InputError(str(origin, ": the length of a trial is train.steps: set that, not [sweep] steps"));
  }
  const std::int64_t steps = file.base.program.given() ? settings.steps : options::length_in_steps(file.base);
  if (settings.method == "product" && settings.trials > 0) {
    throw InputError(str(origin, ": method = product makes all combinations: leave [sweep] trials out, or set method"));
  }
  if (settings.method != "product" && settings.trials == 0) {
    throw InputError(str(origin, ": method = ", settings.method, " needs [sweep] trials: how many points to draw"));
  }
  if (!file.base.program.given() && settings.metric == "valid_loss" && file.base.data.valid.empty()) {
    throw InputError(str(origin, ": the metric valid_loss needs data.valid; or set [sweep] metric = loss"));
  }
  file.plan.reduction = settings.reduction;
  file.plan.minimise = settings.goal == "min";
  if (settings.early_stopping == "none") {
    if (settings.min_steps > 0) {
      throw InputError(str(origin, ": [sweep] min_steps means nothing with early_stopping = none: leave it out"));
    }
    file.plan.rungs = {steps};
    return;
  }
  if (steps == 0) {
    throw InputError(str(origin, ": early stopping needs to know the length of a trial: set ",
                         file.base.program.given() ? "[sweep] steps" : "train.steps",
                         ", or [sweep] early_stopping = none"));
  }
  if (settings.min_steps == 0) {
    settings.min_steps = steps;
    for (int i = 0; i < 3; ++i) settings.min_steps = (settings.min_steps + settings.reduction - 1) / settings.reduction;
  }
  if (settings.min_steps > steps) {
    throw InputError(
        str(origin, ": [sweep] min_steps = ", settings.min_steps, " is more than the ", steps, " steps of a trial"));
  }
  file.plan.rungs = rungs_of(settings.min_steps, settings.reduction, steps);
}

void add_constraints(const std::string& origin, SweepFile& file) {
  if (file.settings.constraint.empty()) return;
  Constraint constraint(file.settings.constraint);
  for (const std::string& name : constraint.names()) {
    const bool swept = std::ranges::any_of(file.space.parameters, [&](const auto& p) { return p.name == name; });
    if (swept || base_value(file.base, name)) continue;
    if (name.find('.') != std::string::npos) (void)options::find_key(name);
    throw InputError(str(origin, ": [sweep] constraint names ", name,
                         ", which is neither a parameter nor has it a value in the run file"));
  }
  file.space.constraints.push_back(std::move(constraint));
}

void read_section(const std::string& origin, const std::vector<std::pair<std::string, std::string>>& section,
                  SweepFile& file) {
  std::set<std::string> seen;
  for (const auto& [name, value] : section) {
    if (!seen.insert(name).second) throw InputError(str(origin, ": [sweep] ", name, " is given twice"));
    const auto setting = settings_table().find(name);
    if (setting == settings_table().end()) {
      add_parameter(origin, name, value, file);
      continue;
    }
    try {
      setting->second.store(file.settings, base::ini_unquoted(value));
    } catch (const InputError& error) {
      throw InputError(str(origin, ": [sweep] ", name, ": ", error.what()));
    }
  }
  if (file.settings.seeds > 0 && seen.contains("run.seed")) {
    throw InputError(str(origin, ": [sweep] seeds varies run.seed: remove one of them"));
  }
  if (file.space.parameters.empty() && file.settings.seeds == 0) {
    throw InputError(
        str(origin, ": [sweep] varies nothing: name a key and its values, as in optimizer.lr = 1e-4, 3e-4"));
  }
}

}  // namespace

SweepFile parse_sweep_file(const std::string& text, const std::string& origin, const options::Overrides& overrides) {
  SweepFile file;
  std::vector<std::pair<std::string, std::string>> section;
  file.base = options::parse_run_options(split(text, origin, section), origin, overrides);
  read_section(origin, section, file);
  const auto of_slurm = [](const auto& entry) { return entry.first.starts_with("slurm."); };
  file.asks_slurm = std::ranges::any_of(base::parse_ini(text, origin), of_slurm) ||
                    std::ranges::any_of(overrides, of_slurm) || std::ranges::any_of(section, of_slurm);
  for (const SweptParameter& parameter : file.space.parameters) {
    const auto given = [&](const auto& entry) { return entry.first == parameter.name; };
    if (std::ranges::any_of(overrides, given)) {
      throw InputError(str("--", parameter.name, " is given, but ", origin, " varies it: remove one of them"));
    }
  }
  complete_names(origin, file);
  complete_plan(origin, file);
  add_constraints(origin, file);
  return file;
}

SweepFile load_sweep_file(const std::string& path, const options::Overrides& overrides) {
  return parse_sweep_file(options::read_ini_file(path, "sweep's file"), path, overrides);
}

}  // namespace trireme::launcher
