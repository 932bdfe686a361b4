#include "launcher/sweep/sweep_state.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/names.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

constexpr std::int64_t kMostTrials = 100'000;
constexpr std::size_t kMostRungs = 64;

SweepWorker worker_of(const Json& line) {
  SweepWorker worker{line.value("token", ""),   line.value("host", ""),
                     line.value("machine", ""), line.value("process", std::int64_t{0}),
                     line.value("started", ""), line.value("job", "local"),
                     line.value("cluster", ""), line.value("restart", std::int64_t{0}),
                     line.value("user", "")};
  // These become words of questions to the queue.
  if (!base::is_job_id(worker.job)) worker.job = "local";
  if (!worker.cluster.empty() && !base::is_host_name(worker.cluster)) worker.cluster.clear();
  return worker;
}

Json worker_json(const SweepWorker& worker) {
  return {{"token", worker.token},     {"host", worker.host},       {"machine", worker.machine},
          {"process", worker.process}, {"started", worker.started}, {"job", worker.job},
          {"cluster", worker.cluster}, {"restart", worker.restart}, {"user", worker.user}};
}

std::optional<SweepHeader> header_of(const Json& line) {
  SweepHeader header;
  header.name = line.value("name", "");
  const std::int64_t trials = base::whole_number(line.at("trials"));
  for (const Json& rung : line.at("rungs")) header.plan.rungs.push_back(base::whole_number(rung));
  header.plan.reduction = base::whole_number(line.at("reduction"));
  header.plan.minimise = line.at("goal").get<std::string>() != "max";
  header.metric = line.at("metric").get<std::string>();
  header.ranks = line.value("ranks", std::int64_t{1});
  header.work_directory = line.value("directory", "");
  const auto& rungs = header.plan.rungs;
  const bool sound = trials > 0 && trials <= kMostTrials && !rungs.empty() && rungs.size() <= kMostRungs &&
                     std::ranges::is_sorted(rungs) && rungs.front() >= 0 && header.plan.reduction >= 2;
  header.trials = static_cast<std::size_t>(trials);
  return sound ? std::optional(header) : std::nullopt;
}

std::optional<double> number_of(const Json& line, const char* key) {
  const auto at = line.find(key);
  if (at == line.end()) return std::nullopt;
  if (at->is_number()) return at->get<double>();
  if (!at->is_string()) return std::nullopt;
  if (*at == "inf") return std::numeric_limits<double>::infinity();
  if (*at == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

}  // namespace

double worst_metric(const AshaPlan& plan) {
  return plan.minimise ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

void SweepState::apply(std::string_view text) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return;
  try {
    const auto event = line.value("event", std::string());
    if (event == "parked" || event == "unparked") {
      const SweepWorker worker = worker_of(line.at("worker"));
      std::erase_if(parked, [&](const ParkedJob& one) { return same_job(one.worker, worker); });
      if (event == "parked") parked.push_back({worker, line.value("shape", std::int64_t{0})});
      return;
    }
    if (event != "sweep") return apply_to_trial(event, line);
    auto found = header_of(line);
    // A later header may only bring more trials.
    if (!found || (begun() && (found->plan.rungs != header.plan.rungs || found->trials < trials.size()))) return;
    header = std::move(*found);
    trials.resize(header.trials);
  } catch (const Json::exception&) {  // a field of another type: not our line
  } catch (const base::Error&) {
  }
}

void SweepState::apply_to_trial(const std::string& event, const Json& line) {
  const std::int64_t number = base::whole_number(line.at("trial"));
  if (number < 0 || number >= static_cast<std::int64_t>(trials.size())) return;
  TrialRecord& trial = trials[static_cast<std::size_t>(number)];
  judge_host(event, static_cast<std::size_t>(number), line);
  const std::int64_t step = line.value("step", std::int64_t{0});
  if (event == "trial") {
    trial.shape = line.value("shape", trial.shape);
    trial.parameters.clear();
    for (const auto& [name, value] : line.at("parameters").items()) {
      trial.parameters.emplace_back(name, value.get<std::string>());
    }
  } else if (event == "claim") {
    const std::int64_t rung = base::whole_number(line.at("rung"));
    if (rung != static_cast<std::int64_t>(trial.results.size())) return;
    trial.claim = SweepClaim{worker_of(line.at("worker")), static_cast<std::size_t>(rung), line.value("time", 0.0),
                             line.value("attempts", 0)};
    trial.started = true;
    trial.interrupted = false;
  } else if (event == "left") {
    if (trial.claim) trial.claim->left = true;
  } else if (event == "result") {
    const auto metric = number_of(line, "metric");
    if (!metric || std::isnan(*metric) || trial.results.size() >= header.plan.rungs.size() ||
        base::whole_number(line.at("rung")) != static_cast<std::int64_t>(trial.results.size())) {
      return;
    }
    trial.results.push_back({step, *metric});
    trial.steps_done = std::max(trial.steps_done, step);
    trial.claim.reset();
    trial.interrupted = false;
    trial.failures = trial.kills = 0;
    trial.why.clear();
  } else if (event == "released") {
    const std::int64_t saved = line.value("saved_step", std::int64_t{0});
    if (saved > trial.saved_step) trial.failures = trial.kills = 0;
    if (line.value("failed", false)) {
      (line.value("killed", false) ? trial.kills : trial.failures) += line.value("starts", 1);
    }
    trial.saved_step = saved;
    trial.steps_done = std::max(trial.steps_done, saved);
    trial.claim.reset();
    trial.interrupted = true;
    trial.why = line.value("why", "");
  } else if (event == "ended") {
    trial.ended = line.at("how").get<std::string>();
    trial.why = line.value("why", "");
    trial.steps_done = std::max(trial.steps_done, step);
    trial.claim.reset();
    trial.interrupted = true;  // so that a retry goes on where it stopped
  } else if (event == "retry") {
    trial.ended.clear();
    trial.failures = trial.kills = 0;
  }
}

// A kill is rarely the machine's fault.
void SweepState::judge_host(const std::string& event, std::size_t number, const Json& line) {
  const auto& claim = trials[number].claim;
  if (!claim) return;
  if (event == "result") {
    failing.erase(claim->worker.host);
  } else if (line.value("failed", false) && !line.value("killed", false)) {
    FailingHost& host = failing[claim->worker.host];
    host.trials.insert(number);
    host.last = line.value("time", 0.0);
  }
}

std::vector<AshaTrial> SweepState::asha_trials(std::optional<std::int64_t> shape) const {
  std::vector<AshaTrial> all;
  for (const TrialRecord& trial : trials) {
    AshaTrial& one = all.emplace_back();
    for (const RungResult& result : trial.results) one.metrics.push_back(result.metric);
    if (trial.ended == "diverged" && one.metrics.size() < header.plan.rungs.size()) {
      one.metrics.push_back(worst_metric(header.plan));  // it was measured: nothing is worse
    }
    one.started = trial.started;
    one.claimed = trial.claim.has_value();
    one.interrupted = trial.interrupted;
    one.out = !trial.ended.empty();
    one.elsewhere = shape && trial.shape != *shape;
  }
  return all;
}

Json header_event(const SweepHeader& header, double time) {
  return {{"event", "sweep"},
          {"name", header.name},
          {"trials", header.trials},
          {"rungs", header.plan.rungs},
          {"reduction", header.plan.reduction},
          {"goal", header.plan.minimise ? "min" : "max"},
          {"metric", header.metric},
          {"ranks", header.ranks},
          {"directory", header.work_directory},
          {"time", time}};
}

Json trial_event(std::size_t trial, const std::vector<std::pair<std::string, std::string>>& parameters,
                 std::optional<std::int64_t> shape) {
  Json values = Json::object();
  for (const auto& [name, value] : parameters) values[name] = value;
  Json event{{"event", "trial"}, {"trial", trial}, {"parameters", values}};
  if (shape) event["shape"] = *shape;
  return event;
}

Json claim_event(std::size_t trial, const SweepClaim& claim) {
  return {{"event", "claim"},           {"trial", trial},
          {"rung", claim.rung},         {"worker", worker_json(claim.worker)},
          {"attempts", claim.attempts}, {"time", claim.time}};
}

Json parked_event(const ParkedJob& job, double time) {
  return {{"event", "parked"}, {"worker", worker_json(job.worker)}, {"shape", job.shape}, {"time", time}};
}

Json unparked_event(const SweepWorker& worker, double time) {
  return {{"event", "unparked"}, {"worker", worker_json(worker)}, {"time", time}};
}

bool same_job(const SweepWorker& one, const SweepWorker& other) {
  return one.job != "local" && one.job == other.job && one.cluster == other.cluster;
}

}  // namespace trireme::launcher
