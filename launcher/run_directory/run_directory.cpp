#include "launcher/run_directory/run_directory.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/checkpoint/run/leftovers.hpp"
#include "launcher/console/format.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/preempted.hpp"
#include "slurm/job/start_reason.hpp"
#include "slurm/queue/queue.hpp"
#include "slurm/submit/spare_order.hpp"

namespace trireme::launcher {
namespace {

constexpr double kQuestion = 10;  // seconds for a question that the start can do without

// The lease is what makes the directory ours, so it can only be made in a directory that exists.
checkpoint::Lease take_lease(base::FileSystem& files, const std::filesystem::path& path,
                             const slurm::JobEnvironment& job, const std::function<bool()>& stop_requested,
                             const base::Log& log) {
  files.create_directories(path);
  const auto cluster = [name = job.cluster] { return slurm::cluster_name(slurm::run_command, name); };
  return checkpoint::Lease::acquire(
      files, path,
      job.in_job() ? checkpoint::this_process(job.job_id, job.restart_count, cluster())
                   : checkpoint::this_process("local", 0),
      checkpoint::real_world([](const std::string& id) { return slurm::job_is_running(slurm::run_command, id); },
                             stop_requested, cluster),
      [&](const std::string& line) { log.info(line); });
}

/// A disk that does not answer just now says nothing of what it holds.
bool is_gone(base::FileSystem& files, const std::filesystem::path& path) {
  try {
    return !files.exists(path);
  } catch (const base::IoError&) {
    return false;
  }
}

/// Why an attempt that left no end ended.
std::string reason_of_killed(base::FileSystem& files, const std::filesystem::path& path, const slurm::Attempt& attempt,
                             const slurm::JobEnvironment& job, const std::string& cluster) {
  // A rank that failed while rank 0 was busy may have left its reason.
  if (const auto outcome = slurm::read_outcome(files, path, attempt.number)) return outcome->reason;
  const auto ask = [](const std::vector<std::string>& words) { return slurm::run_command_within(kQuestion, words); };
  return slurm::was_preempted(ask, attempt.start, job, cluster) ? "preempted" : "killed";
}

// When the holder of the lease that is there gave its last sign of life, in seconds since the epoch; 0 = not known.
double last_beat(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat((path / "lease").c_str(), &status) == 0 ? static_cast<double>(status.st_mtime) : 0.0;
}

// The share of a killed program's time that was lost, by the steps that it said it had done and saved; all of it where
// it said nothing.
double lost_share(const slurm::AttemptStart& start, const slurm::AttemptEnd& end) {
  const auto done = static_cast<double>(end.last_step - start.first_step);
  const auto unsaved = static_cast<double>(end.last_step - std::max(end.saved_step, start.first_step));
  return done > 0 ? std::clamp(unsaved / done, 0.0, 1.0) : 1.0;
}

// The watch of a spare job (trireme job spare) leaves in the run directory what it sends this signal for.
bool sent_by_watch(const std::string& reason) { return reason == "stopped by SIGUSR1"; }

}  // namespace

RunDirectory::RunDirectory(base::FileSystem& files, std::filesystem::path path, const slurm::JobEnvironment& job,
                           const std::function<bool()>& stop_requested, const base::Log& log)
    : files_(files),
      path_(std::move(path)),
      last_beat_(last_beat(path_)),
      lease_(take_lease(files, path_, job, stop_requested, log)),
      ledger_(files, path_ / "attempts.jsonl"),
      run_id_(attempts().empty() ? token() : attempts().front().start.run_id),
      attempt_(slurm::next_number(attempts())),
      began_(base::wall_time()) {
  if (slurm::is_last_open(attempts())) {
    killed_reason_ = reason_of_killed(files_, path_, attempts().back(), job, lease_.holder().cluster);
  }
  slurm::make_control_directory(files_, path_);
  for (const std::string& name : checkpoint::collect_leftovers(files_, path_)) {
    log.info(base::str("removed what an earlier attempt left unfinished: ", name));
  }
}

std::int64_t RunDirectory::logged_step() const { return launcher::logged_step(files_, path_ / "metrics.jsonl"); }

void RunDirectory::begin(const slurm::AttemptStart& start, const std::string& options, MetricsWriter writer,
                         bool tensorboard) {
  if (!lease_.holds_lease()) throw why_lost();  // reading the checkpoint may have taken long
  const bool by_program = writer != MetricsWriter::kAttempt;
  slurm::AttemptEnd killed;
  if (slurm::is_last_open(attempts())) {
    const slurm::AttemptStart& before = attempts().back().start;
    killed.reason = killed_reason_;
    const LoggedProgress logged = logged_progress(files_, path_ / "metrics.jsonl", start.first_step);
    killed.last_step = std::max(before.first_step, logged.step);
    killed.saved_step = start.first_step;
    // Nobody saw it die: what it did after its last line is not counted.
    killed.time = std::max(before.time, logged.time);
    for (const slurm::HealthEvent& event : attempts().back().health) killed.time = std::max(killed.time, event.time);
    // A program may write no times; the lease was renewed every few seconds as long as it was looked after.
    if (by_program) killed.time = std::max(killed.time, last_beat_);
    killed.device_seconds = before.ranks * (before.start_up_seconds + killed.time - before.time);
    const double unsaved = by_program ? lost_share(before, killed) * (killed.time - before.time) : logged.seconds_after;
    killed.lost_seconds = std::min(killed.device_seconds, before.ranks * (before.start_up_seconds + unsaved) +
                                                              slurm::rolled_back_seconds(attempts().back()));
  }
  files_.replace(path_ / "run.ini", options);
  const bool cuts = writer != MetricsWriter::kProgram;
  metrics_ = std::make_unique<MetricsLog>(
      files_, path_ / "metrics.jsonl",
      KeptLines{cuts ? start.first_step : std::numeric_limits<std::int64_t>::max(), by_program}, attempt_ - 1);
  if (tensorboard && !by_program) {
    tensorboard_ = std::make_unique<TensorboardLog>(files_, path_, start.first_step, attempt_);
  } else if (!by_program) {
    cut_tensorboard(files_, path_, start.first_step);
  }
  ledger_.start(start, killed);
  begun_ = true;
  start_up_seconds_ = start.start_up_seconds;
  ranks_ = start.ranks;
}

base::Error RunDirectory::why_lost() const {
  if (!files_.exists(path_)) {
    return base::Error(
        base::str("the run directory ", path_.string(), " was deleted or moved while the run wrote to it, ",
                  "so nothing can be saved any more: put it back to go on from its newest checkpoint, or ",
                  "start again, which makes a new one"));
  }
  if (!files_.exists(path_ / "lease")) {
    return base::Error(base::str((path_ / "lease").string(), " was deleted while the run wrote to ", path_.string(),
                                 "; ending without writing, since another job may have the directory by now: start "
                                 "again to go on"));
  }
  return base::Error(base::str("another job took over the run directory ", path_.string(), "; ending without writing"));
}

void RunDirectory::keep_lease() {
  constexpr std::chrono::seconds kPeriod(1);  // steps may be short, and shared file systems slow to answer
  const auto now = std::chrono::steady_clock::now();
  const bool look = now - last_look_ >= kPeriod;
  if (look) last_look_ = now;
  if (!lease_.kept() || (look && is_gone(files_, path_ / "lease"))) throw why_lost();
}

void RunDirectory::append_metrics(const base::Json& line) {
  metrics_->append(line);
  if (tensorboard_) tensorboard_->append(line);
  unsaved_seconds_ += line.value("seconds", 0.0);
}

void RunDirectory::health(const slurm::HealthEvent& event) {
  if (!lease_.holds_lease()) throw why_lost();
  ledger_.health(event);
}

void RunDirectory::roll_back(const slurm::HealthEvent& given) {
  slurm::HealthEvent event = given;
  event.lost_seconds = ranks_ * std::exchange(unsaved_seconds_, 0.0);
  health(event);
  metrics_.reset();
  metrics_ = std::make_unique<MetricsLog>(files_, path_ / "metrics.jsonl", KeptLines{event.to_step, false}, attempt_);
  if (tensorboard_) tensorboard_->cut_after(event.to_step);
}

void RunDirectory::sync_metrics() {
  metrics_->sync();
  if (tensorboard_) tensorboard_->sync();
}

double RunDirectory::age() const { return base::wall_time() - began_; }

void RunDirectory::took(double step_seconds, const slurm::SaveCost& save, double save_interval, int shards_per_node) {
  step_seconds_ = step_seconds;
  save_ = save;
  save_interval_ = save_interval;
  shards_per_node_ = shards_per_node;
}

void RunDirectory::end(const slurm::Outcome& given) {
  if (!lease_.holds_lease()) throw why_lost();
  slurm::Outcome outcome = given;
  if (sent_by_watch(given.reason)) {
    const auto slice = slurm::read_spare_order(files_, path_, attempt_);
    if (slice) outcome.reason = slurm::kStoppedForSize + slice->size();
  }
  if (begun_) {
    ledger_.end({.reason = outcome.reason,
                 .last_step = outcome.step,
                 .saved_step = outcome.saved_step,
                 .device_seconds = ranks_ * age(),
                 .lost_seconds = std::min(ranks_ * age(), ranks_ * (start_up_seconds_ + unsaved_seconds_) +
                                                              slurm::rolled_back_seconds(attempts().back())),
                 .step_seconds = step_seconds_,
                 .save_seconds = save_.whole,
                 .save_stall_seconds = save_.stall,
                 .save_interval_seconds = save_interval_,
                 .stalled_seconds = save_.stalls,
                 .shards_per_node = shards_per_node_,
                 .time = base::wall_time()});
  }
  slurm::write_outcome(files_, path_, attempt_, outcome);
  lease_.release();
}

void RunDirectory::fail(const std::exception& error, const slurm::Progress& progress, bool come_back,
                        const std::string& host, const std::string& remark) noexcept {
  try {
    const std::string first_line = base::failure_text(error).substr(0, base::failure_text(error).find('\n'));
    const int code = base::exit_code(error);
    end({code, code == base::kExitStopped ? first_line : slurm::failed_on(host) + first_line + remark, progress.step,
         progress.saved_step, come_back});
  } catch (const std::exception&) {
    // The next attempt writes the missing end.
  }
}

std::string attempts_table(const std::vector<slurm::Attempt>& attempts) {
  std::vector<std::vector<std::string>> rows = {
      {"attempt", "started", "because", "layout", "steps", "steps lost", "device hours", "lost", "ended"}};
  for (const slurm::Attempt& attempt : attempts) {
    const std::string last = attempt.ended ? std::to_string(attempt.end.last_step) : "?";
    rows.push_back({std::to_string(attempt.number), format_local_time(attempt.start.time), attempt.start.reason,
                    attempt.start.layout, base::str(attempt.start.first_step, " -> ", last),
                    std::to_string(attempt.ended ? attempt.end.last_step - attempt.end.saved_step : 0),
                    attempt.ended ? format_device_hours(attempt.end.device_seconds / 3600, attempt.start.gpus) : "?",
                    attempt.ended ? format_device_hours(attempt.end.lost_seconds / 3600, attempt.start.gpus) : "?",
                    slurm::end_reason(attempt, "running")});
  }
  return format_table(rows, {.right = {0, 5, 6, 7}, .spare = {7, 6, 2, 3, 1, 5}});
}

}  // namespace trireme::launcher
