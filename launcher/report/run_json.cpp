#include "launcher/report/run_json.hpp"

#include <exception>
#include <optional>

#include "base/json.hpp"
#include "base/own_file.hpp"
#include "base/printable.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/report/layouts.hpp"
#include "launcher/report/run_metrics.hpp"
#include "launcher/report/timeline.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/run_directory/run_summary.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

void append_percentiles(const StepTimes& times, std::string& json) {
  constexpr std::pair<const char*, double StepTimes::Percentiles::*> kShown[] = {
      {"seconds.p50", &StepTimes::Percentiles::p50},
      {"seconds.p90", &StepTimes::Percentiles::p90},
      {"seconds.p99", &StepTimes::Percentiles::p99}};
  const auto windows = times.windows();
  for (const auto& [name, member] : kShown) {
    Curve curve(2 * StepTimes::kWindows);
    for (const auto& window : windows) curve.add(window.step, window.seconds.*member);
    json += std::string(",\"") + name + "\":";
    append_curve(curve, json);
  }
}

std::string curves_of(const RunMetrics& metrics) {
  std::string json = "{";
  for (const NamedCurve& named : metrics.curves) {
    if (json.size() > 1) json += ',';
    json += Json(base::printable(named.field)).dump() + ":";
    append_curve(named.curve, json);
  }
  if (!metrics.step_times.empty()) {
    std::string percentiles;
    append_percentiles(metrics.step_times, percentiles);
    json += json.size() > 1 ? percentiles : percentiles.substr(1);
  }
  return json + "}";
}

Json summary_json(const RunFacts& facts, const std::string& name, double now) {
  const RunSummary summary = summarise(facts, {}, now);
  Json json = to_json(summary);
  json["run"] = base::printable(name);
  json["note"] = base::printable(summary.note);
  json["job"] = base::printable(summary.job);
  json["program"] = facts.program;
  return json;
}

Json samples_json(const std::vector<TextSample>& samples) {
  Json all = Json::array();
  for (const TextSample& sample : samples) all.push_back({sample.step, sample.prompt, sample.text});
  return all;
}

}  // namespace

RunJson read_run_json(base::FileSystem& files, const std::filesystem::path& path, const std::string& name,
                      std::size_t most_buckets, double now) {
  RunJson run;
  const auto attempt_to = [&](const char* what, const auto& read) {
    try {
      read();
    } catch (const std::exception& error) {
      run.problems.push_back(base::printable(name + ": cannot read " + what + ": " + error.what()));
    }
  };
  const RunFacts facts = read_run(files, path);
  std::vector<double> starts;
  for (const slurm::Attempt& attempt : facts.attempts) {
    starts.push_back(attempt.start.time);
    const DeviceSeconds seconds = device_seconds(facts, attempt, now);
    run.device_seconds += seconds.used;
    run.gpus = run.gpus || attempt.start.gpus;
  }
  RunMetrics metrics{.positions = Positions(starts)};
  attempt_to("metrics.jsonl", [&] {
    metrics = read_metrics(files, path / "metrics.jsonl", starts, most_buckets,
                           facts.program ? MetricsWriter::kProgram : MetricsWriter::kAttempt);
  });
  run.lines = metrics.lines;

  Json meta = summary_json(facts, name, now);
  meta["timeline"] = timeline_json(facts, metrics.saves, now);
  meta["samples"] = samples_json(metrics.samples);
  meta["lines"] = metrics.lines;
  meta["damaged"] = metrics.damaged;
  meta["dropped_fields"] = metrics.dropped_fields;
  if (!metrics.step_times.empty()) {
    const StepTimes::Percentiles whole = metrics.step_times.whole();
    meta["step_seconds"] = {{"p50", whole.p50}, {"p90", whole.p90}, {"p99", whole.p99}};
  }
  if (files.exists(path / "run.ini")) {
    attempt_to("run.ini", [&] {
      const auto options = options::parse_run_options(base::read_own(files, path / "run.ini"), "run.ini");
      Json values = Json::object();
      for (const auto& [key, value] : options::to_map(options)) values[key] = base::printable(value);
      meta["options"] = values;
      if (!options.program.given()) meta["layouts"] = layouts_json(facts, options);
    });
  }
  run.text = meta.dump(-1, ' ', false, Json::error_handler_t::replace);
  run.text.pop_back();
  run.text += ",\"positions\":";
  metrics.positions.append_to(run.text);
  run.text += ",\"curves\":" + curves_of(metrics) + "}";
  return run;
}

}  // namespace trireme::launcher
