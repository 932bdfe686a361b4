#include "launcher/sweep/sweep_directory.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/own_file.hpp"
#include "base/user_name.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/sweep/sweep_file.hpp"
#include "launcher/sweep/sweep_tensorboard.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using base::str;
using Kind = Advice::Kind;
using Path = std::filesystem::path;

/// One holding of the lease by a worker.
class Turn {
 public:
  Turn(base::FileSystem& files, const Path& path, const SweepWorld& world, const SweepWorker& self, SweepState state)
      : files_(files), path_(path), world_(world), self_(self), state_(std::move(state)) {}

  const std::vector<Json>& events() const { return events_; }

  void take_result(const LastTrial& last) {
    const TrialRecord& trial = state_.trials.at(last.trial);
    // Another worker may have taken the trial when this one seemed to be gone: its word counts now.
    if (!trial.claim || trial.claim->worker.token != self_.token) return;
    // Nor does a word count twice: the worker may have got the trial once more in an answer that was lost.
    if (last.attempts && *last.attempts != trial.claim->attempts) return;
    if (!settle(last.trial, last.end)) note({{"event", "left"}, {"trial", last.trial}, {"time", world_.now()}});
  }

  void look_after_orphans() {
    for (std::size_t i = 0; i < state_.trials.size(); ++i) {
      const auto& claim = state_.trials[i].claim;
      // A worker that asks for work has none: what it still claims is from a call whose answer it never saw.
      const bool own = claim && claim->worker.token == self_.token;
      if (claim && (claim->left || own || is_gone(i, *claim))) settle(i, std::nullopt);
    }
  }

  // A parked job whose worker asks runs again.
  void wake() {
    const auto self = [&](const ParkedJob& job) { return same_job(job.worker, self_); };
    if (std::ranges::any_of(state_.parked, self)) note(unparked_event(self_, world_.now()));
  }

  Advice next(const Wanted& wanted) {
    if (slurm::find_request(files_, path_, slurm::Wish::kStop)) return {Kind::kStop};
    const std::string why = must_rest();
    Advice advice = why.empty() ? claim(wanted.shape) : Advice{Kind::kWait};
    advice.why = why;
    advice.called = jobs_with_work();
    if (advice.kind == Kind::kWait && why.empty() && wanted.parks) {
      note(parked_event({self_, wanted.shape.value_or(0)}, world_.now()));
    }
    return advice;
  }

 private:
  Advice claim(std::optional<std::int64_t> shape) {
    while (true) {
      const AshaDecision decision = decide(state_.header.plan, state_.asha_trials(shape));
      if (decision.kind == AshaDecision::Kind::kWait) return {Kind::kWait};
      if (decision.kind == AshaDecision::Kind::kDone) return {Kind::kDone};
      const TrialFacts facts = read(decision.trial, decision.rung);
      SweepClaim claim{self_, decision.rung, world_.now(), facts.attempts};
      note(claim_event(decision.trial, claim));
      // Somebody else trains it, or it ended by itself (train.stop_when): there is nothing to start.
      if (facts.alive) {
        note({{"event", "left"}, {"trial", decision.trial}, {"time", world_.now()}});
      } else if (!facts.finished || !settle(decision.trial, SeenEnd{base::kExitDone})) {
        return advice(decision, facts.attempts);
      }
    }
  }

  std::string must_rest() const {
    constexpr double kMinute = 60, kMost = 15 * kMinute;
    const auto host = state_.failing.find(self_.host);
    if (host == state_.failing.end() || host->second.trials.size() < kFailuresOfHost) return "";
    const auto more = static_cast<int>(std::min<std::size_t>(10, host->second.trials.size() - kFailuresOfHost));
    const double rest = std::min(kMost, std::ldexp(kMinute, more));
    if (world_.now() - host->second.last >= rest) return "";
    return str(host->second.trials.size(), " trials failed on ", host->first, " one after the other: it rests for ",
               static_cast<int>(rest), " s; look at the last one's log");
  }

  // Parked jobs, as many of each shape as it has trials that wait.
  std::vector<SweepWorker> jobs_with_work() const {
    std::vector<SweepWorker> called;
    std::map<std::int64_t, std::size_t> waiting;
    for (const ParkedJob& job : state_.parked) {
      const auto [known, fresh] = waiting.emplace(job.shape, 0);
      if (fresh) known->second = waiting_trials(job.shape);
      if (known->second == 0) continue;
      --known->second;
      called.push_back(job.worker);
    }
    return called;
  }

  std::size_t waiting_trials(std::int64_t shape) const {
    auto trials = state_.asha_trials(shape);
    for (std::size_t count = 0;; ++count) {
      const AshaDecision decision = decide(state_.header.plan, trials);
      if (decision.kind != AshaDecision::Kind::kRun) return count;
      trials[decision.trial].claimed = true;
    }
  }

  void note(const Json& event) {
    state_.apply(base::to_line(event));
    events_.push_back(event);
  }

  std::int64_t until(std::size_t rung) const {
    const auto& rungs = state_.header.plan.rungs;
    return rung + 1 < rungs.size() ? rungs[rung] : 0;
  }

  TrialFacts read(std::size_t trial, std::size_t rung) const {
    return read_trial(files_, trial_directory(path_.string(), trial), state_.header.metric, until(rung));
  }

  // Writes down what became of a claimed trial. False: it still runs.
  bool settle(std::size_t number, const std::optional<SeenEnd>& end) {
    const TrialRecord& trial = state_.trials[number];
    const SweepClaim claim = *trial.claim;
    const TrialFacts facts = read(number, claim.rung);
    const bool saved = facts.saved_step > trial.saved_step;
    const FailedStarts before = saved ? FailedStarts{} : FailedStarts{trial.failures, trial.kills};
    const Verdict verdict = judge(facts, state_.header, claim, end, before);
    const auto event = verdict_event(verdict, number, claim.rung, facts, world_.now());
    if (event) note(*event);
    return event.has_value();
  }

  bool is_gone(std::size_t trial, const SweepClaim& claim) const {
    const WorkerLife life = world_.life(claim);
    if (life != WorkerLife::kUnknown) return life == WorkerLife::kGone;
    if (claim.worker.machine == self_.machine && claim.worker.host == self_.host) return false;
    if (world_.now() - claim.time <= kSilent) return false;
    const Path run = trial_directory(path_.string(), trial);
    return !is_held_by_the_living(files_, run) && world_.now() - newest_end(run) > kSilent;
  }

  // When the newest attempt began or ended: between two of them nobody holds the run. 0 without one.
  double newest_end(const Path& run) const {
    try {
      const auto attempts = slurm::read_attempts(files_, run / "attempts.jsonl");
      return attempts.empty() ? 0 : std::max(attempts.back().start.time, attempts.back().end.time);
    } catch (const base::Error&) {
      return 0;
    }
  }

  Advice advice(const AshaDecision& decision, int attempts) const {
    Advice advice{Kind::kRun, decision.trial, decision.rung, until(decision.rung)};
    advice.attempts = attempts;
    advice.run_directory = trial_directory(path_.string(), decision.trial);
    advice.run_file = advice.run_directory + "/trial.ini";
    if (advice.until_step > 0) advice.overrides.push_back(str("--run.pause_at=", advice.until_step));
    return advice;
  }

  base::FileSystem& files_;
  const Path& path_;
  const SweepWorld& world_;
  const SweepWorker& self_;
  SweepState state_;
  std::vector<Json> events_;
};

}  // namespace

SweepWorld real_sweep_world() {
  SweepWorld world{sweep_world(), nullptr, base::wall_time};
  world.life = [here = this_worker(), alive = world.lease.process_alive](const SweepClaim& claim) {
    const SweepWorker& worker = claim.worker;
    if (worker.machine != here.machine || worker.host != here.host) return WorkerLife::kUnknown;
    return alive(worker.process, worker.started) ? WorkerLife::kRuns : WorkerLife::kGone;
  };
  return world;
}

SweepWorker this_worker() {
  const slurm::JobEnvironment job = slurm::read_job_environment();
  const auto holder = checkpoint::this_process(job.in_job() ? job.job_id : "local", job.restart_count, job.cluster);
  return {holder.token,   holder.host,    holder.machine,
          holder.process, holder.started, holder.job,
          holder.cluster, holder.restart, base::user_name(::geteuid())};
}

Path sweep_log(const Path& directory) { return directory / "sweep.jsonl"; }

SweepState read_sweep(base::FileSystem& files, const Path& directory) {
  SweepState state;
  base::read_ledger(files, sweep_log(directory), base::Trust::kOwner,
                    [&](std::string_view line) { state.apply(line); });
  return state;
}

void show_lost_trials(base::FileSystem& files, const Path& directory, const AskWorker& life, SweepState& state) {
  for (std::size_t i = 0; i < state.trials.size(); ++i) {
    TrialRecord& trial = state.trials[i];
    if (!trial.claim || life(*trial.claim) != WorkerLife::kGone) continue;
    if (read_trial(files, trial_directory(directory.string(), i), state.header.metric, 0).alive) continue;
    trial.claim.reset();
    trial.interrupted = true;
    trial.why = "its worker is gone: trireme sweep run takes it again";
  }
}

SweepDirectory::SweepDirectory(base::FileSystem& files, Path path, SweepWorld world)
    : files_(files), path_(std::move(path)), world_(std::move(world)), lock_(files, path_, world_.lease) {}

Path SweepDirectory::trial(std::size_t number) const { return trial_directory(path_.string(), number); }

SweepState SweepDirectory::read() const { return read_sweep(files_, path_); }

void SweepDirectory::change(const std::function<std::vector<Json>(const SweepState& state)>& change) {
  lock_.with_lease([&](const std::function<bool()>& still_held) {
    const std::vector<Json> events = change(read());
    if (events.empty()) return;
    if (!still_held()) throw base::Error(str("the lease of ", path_.string(), " went to another process meanwhile"));
    append(events);
  });
}

// All events of one call in one write, so that a full disk takes them all or leaves a torn line, which goes.
void SweepDirectory::append(const std::vector<Json>& events) {
  const Path log = sweep_log(path_);
  const std::uint64_t whole = base::read_ledger(files_, log, base::Trust::kOwner, [](std::string_view) {});
  std::string text;
  for (const Json& event : events) text += base::to_line(event) + "\n";
  const auto file = files_.open_own(log, base::OpenMode::kAppend);
  if (file->size() > whole) file->truncate(whole);
  file->pwrite(text.data(), text.size(), whole);
  file->sync();
  file->close();
}

Advice SweepDirectory::advance(const SweepWorker& self, const std::optional<LastTrial>& last, const Wanted& wanted) {
  Advice advice;
  std::vector<Json> events;
  change([&](const SweepState& state) {
    if (!state.begun()) {
      throw base::InputError(str("there is no sweep in ", path_.string(), ": start one with trireme sweep run FILE"));
    }
    Turn turn(files_, path_, world_, self, state);
    turn.wake();
    if (last && last->trial < state.trials.size()) turn.take_result(*last);
    turn.look_after_orphans();
    advice = wanted.trial ? turn.next(wanted) : Advice{Kind::kStop};
    return events = turn.events();
  });
  note_hparams(files_, path_, events);
  return advice;
}

}  // namespace trireme::launcher
