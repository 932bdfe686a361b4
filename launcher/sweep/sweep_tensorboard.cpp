#include "launcher/sweep/sweep_tensorboard.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "base/error.hpp"
#include "launcher/options/number.hpp"
#include "launcher/run_directory/tensorboard/event.hpp"
#include "launcher/run_directory/tensorboard/event_record.hpp"
#include "launcher/sweep/sweep_file.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;

constexpr const char* kStart = "events.out.tfevents.0000000000.hparams.trireme";
constexpr const char* kEnd = "events.out.tfevents.9999999999.hparams.trireme";

// `kind`: the field of HParamsPluginData.
std::string hparams_file(double now, const char* tag, int kind, const ProtoWriter& data) {
  ProtoWriter content;
  content.number(1, 0);
  content.message(kind, data);
  return event_record(file_version_event(now)) + event_record(plugin_event(now, tag, "hparams", content));
}

ProtoWriter value_of(const std::string& text, bool number) {
  ProtoWriter value;
  if (number) {
    value.real(2, options::parse_number(text).value_or(0));
  } else {
    value.bytes(3, valid_utf8(text));
  }
  return value;
}

// A parameter of the sweep, and the values that its trials have.
struct Parameter {
  std::string name;
  std::set<std::string> values;

  bool numeric() const {
    return std::ranges::all_of(values,
                               [](const std::string& value) { return options::parse_number(value).has_value(); });
  }
};

std::vector<Parameter> parameters_of(const SweepState& sweep) {
  std::vector<Parameter> parameters;
  for (const TrialRecord& trial : sweep.trials) {
    for (const auto& [name, value] : trial.parameters) {
      auto found = std::ranges::find(parameters, name, &Parameter::name);
      if (found == parameters.end()) found = parameters.insert(parameters.end(), {name, {}});
      found->values.insert(value);
    }
  }
  return parameters;
}

ProtoWriter info_of(const Parameter& parameter) {
  ProtoWriter info, domain;
  info.bytes(1, valid_utf8(parameter.name));
  info.number(4, parameter.numeric() ? 3 : 1);
  if (parameter.numeric()) {
    std::vector<double> numbers;
    for (const std::string& value : parameter.values) numbers.push_back(*options::parse_number(value));
    domain.real(1, *std::ranges::min_element(numbers));
    domain.real(2, *std::ranges::max_element(numbers));
    info.message(6, domain);
  } else {
    for (const std::string& value : parameter.values) domain.message(1, value_of(value, false));
    info.message(5, domain);
  }
  info.number(7, parameter.values.size() > 1 ? 1 : 0);
  return info;
}

ProtoWriter metric_info(const std::string& field) {
  ProtoWriter info, name;
  name.bytes(2, tensorboard_tag(field));
  info.message(1, name);
  info.bytes(3, valid_utf8(field));
  return info;
}

ProtoWriter experiment_of(const SweepState& sweep, const std::vector<Parameter>& parameters, double now) {
  ProtoWriter experiment;
  experiment.bytes(6, valid_utf8(sweep.header.name));
  experiment.real(3, now);
  for (const Parameter& parameter : parameters) experiment.message(4, info_of(parameter));
  experiment.message(5, metric_info(sweep.header.metric));
  for (const char* field : {"valid_loss", "loss"}) {
    if (sweep.header.metric != field) experiment.message(5, metric_info(field));
  }
  return experiment;
}

ProtoWriter start_of(const TrialRecord& trial, std::size_t number, const std::vector<Parameter>& parameters,
                     double now) {
  ProtoWriter start;
  for (const auto& [name, value] : trial.parameters) {
    const auto parameter = std::ranges::find(parameters, name, &Parameter::name);
    ProtoWriter entry;
    entry.bytes(1, valid_utf8(name));
    entry.message(2, value_of(value, parameter->numeric()));
    start.message(1, entry);
  }
  start.bytes(4, base::str("trial_", number));
  start.real(5, now);
  return start;
}

// 1 = success, 2 = failure; 0: the trial runs again; nothing: the event is about something else.
std::optional<std::uint64_t> status_after(const base::Json& event) {
  const std::string kind = event.value("event", "");
  if (kind == "claim") return 0;
  if (kind == "result") return 1;
  if (kind == "ended") return 2;
  return std::nullopt;
}

}  // namespace

void write_hparams(base::FileSystem& files, const Path& directory, const SweepState& sweep, double now) {
  const std::vector<Parameter> parameters = parameters_of(sweep);
  files.replace(directory / kStart,
                hparams_file(now, "_hparams_/experiment", 2, experiment_of(sweep, parameters, now)));
  for (std::size_t i = 0; i < sweep.trials.size(); ++i) {
    const Path file = Path(trial_directory(directory.string(), i)) / kStart;
    if (files.exists(file)) continue;  // a trial's parameters stay
    files.replace(file,
                  hparams_file(now, "_hparams_/session_start_info", 3, start_of(sweep.trials[i], i, parameters, now)));
  }
}

void note_hparams(base::FileSystem& files, const Path& directory, const std::vector<base::Json>& events) {
  for (const base::Json& event : events) {
    const auto status = status_after(event);
    if (!status) continue;
    const Path run = trial_directory(directory.string(), event.value("trial", std::size_t{0}));
    try {
      if (!files.exists(run / kStart)) continue;
      if (*status == 0) {
        if (files.exists(run / kEnd)) files.remove(run / kEnd);
        continue;
      }
      const double now = event.value("time", 0.0);
      ProtoWriter end;
      end.number(1, *status);
      end.real(2, now);
      files.replace(run / kEnd, hparams_file(now, "_hparams_/session_end_info", 4, end));
    } catch (const base::IoError&) {
      continue;
    }
  }
}

}  // namespace trireme::launcher
