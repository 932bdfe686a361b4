#include "launcher/run_directory/run_summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.hpp"
#include "launcher/console/braille_canvas.hpp"
#include "launcher/console/format.hpp"
#include "slurm/queue/pending_reason.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;
using slurm::Attempt;
using slurm::QueuedJob;

// A run's job, and the id by which the run knows it: tasks of an array that wait together have one line in the queue.
struct FoundJob {
  const QueuedJob* job = nullptr;
  std::string id;
};

bool lies_below(const fs::path& path, const fs::path& directory) {
  const fs::path below = path.lexically_relative(directory);
  return !below.empty() && *below.begin() != "..";
}

FoundJob job_of(const RunFacts& facts, const slurm::JobList& queue, const std::string& name) {
  const auto by_id = [&](const std::string& id, const std::string& cluster) {
    const bool elsewhere = !cluster.empty() && !queue.cluster.empty() && cluster != queue.cluster;
    return id.empty() || elsewhere ? nullptr : slurm::find_job(queue.jobs, id);
  };
  if (const QueuedJob* job = by_id(facts.lease_job, facts.lease_cluster)) return {job, facts.lease_job};
  if (!facts.attempts.empty()) {
    const slurm::AttemptStart& last = facts.attempts.back().start;
    if (const QueuedJob* job = by_id(last.job_id, last.cluster)) return {job, last.job_id};
  }
  for (const std::string& id : facts.submission.jobs) {
    if (const QueuedJob* job = by_id(id, facts.submission.cluster)) return {job, id};
  }
  for (const QueuedJob& job : queue.jobs) {
    if (job.name == name && lies_below(facts.path, job.directory)) return {&job, job.id};
  }
  return {};
}

bool ran_before(const RunFacts& facts, const std::string& id) {
  return std::any_of(facts.attempts.begin(), facts.attempts.end(),
                     [&](const Attempt& attempt) { return slurm::is_of_job(attempt.start, id, ""); });
}

void set_state(const RunFacts& facts, const FoundJob& found, RunSummary& run) {
  const QueuedJob* job = found.job;
  const std::string by = facts.stop && !facts.stop->user.empty() ? " by " + facts.stop->user : "";
  if (facts.alive) {
    run.state = "running";
    run.note = facts.stop ? base::str("asked to stop", by) : facts.save_asked ? "asked to save" : "";
  } else if (job != nullptr && job->pending()) {
    const bool again = ran_before(facts, found.id);
    run.state = again ? "requeued" : "queued";
    run.note = slurm::explain_reason(job->reason, again);
    if (facts.stop) run.note = base::str("asked to stop", by, ": will end as soon as it starts");
  } else if (job != nullptr && job->state == "RUNNING") {
    run.state = "starting";
  } else if (facts.attempts.empty()) {
    run.state = facts.stop ? "stopped" : "new";
    if (facts.stop) run.note = base::str("asked to stop", by);
  } else {
    const Attempt& last = facts.attempts.back();
    run.note = slurm::end_reason(last);
    run.state = !last.ended || run.note == "killed"                                    ? "dead"
                : is_finished(facts)                                                   ? "done"
                : slurm::is_paused(run.note)                                           ? "paused"
                : slurm::was_asked_to_end(run.note) || slurm::left_by_itself(run.note) ? "stopped"
                                                                                       : "failed";
    if (run.note == run.state) run.note.clear();
  }
}

bool is_newest(const Attempt& attempt, const RunFacts& facts) { return attempt.number == facts.attempts.back().number; }

// When an attempt that has no end line was last seen. The metrics' newest line is the newest attempt's.
double last_seen(const Attempt& attempt, const RunFacts& facts, double now) {
  if (!is_newest(attempt, facts)) return attempt.start.time;
  if (facts.alive) return now;
  return std::max(attempt.start.time, facts.newest ? facts.newest->time : 0.0);
}

void add_hours(const RunFacts& facts, double now, RunSummary& run) {
  for (const Attempt& attempt : facts.attempts) {
    run.gpus = run.gpus || attempt.start.gpus;
    const DeviceSeconds seconds = device_seconds(facts, attempt, now);
    run.device_hours += seconds.used / 3600.0;
    run.lost_hours += seconds.lost / 3600.0;
  }
}

std::string next_checkpoint(const RunFacts& facts, const RunSummary& run) {
  if (run.state != "running" || facts.program) return "";
  if (facts.save_asked || facts.stop) return "next step";
  if (facts.save_every_steps > 0) {
    const std::int64_t next = (run.step / facts.save_every_steps + 1) * facts.save_every_steps;
    return base::str("step ", run.steps > 0 ? std::min(next, run.steps) : next);
  }
  if (!facts.save_every_minutes) return "automatic";
  if (*facts.save_every_minutes > 0) return base::str("every ", *facts.save_every_minutes, " min");
  return run.steps > 0 ? base::str("step ", run.steps) : "";
}

// Returns the mean of the newest steps. Where a program's lines do not say how long a step took, it is the attempt's
// time so far divided by its steps. 0 = not known.
double seconds_per_step(const RunFacts& facts, double now) {
  if (facts.newest->seconds > 0 || facts.attempts.empty()) return facts.newest->seconds;
  const Attempt& last = facts.attempts.back();
  const auto done = facts.newest->step - last.start.first_step;
  return done > 0
             ? (last_seen(last, facts, last.ended ? last.end.time : now) - last.start.time) / static_cast<double>(done)
             : 0.0;
}

// Draws the newest losses before the note, which stays the last column.
void add_curves(const std::vector<RunSummary>& runs, std::vector<std::vector<std::string>>& rows, TableShape& shape) {
  constexpr std::size_t kCells = 16;
  const std::size_t column = rows.front().size() - 1;
  rows.front().insert(rows.front().end() - 1, "newest losses");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    rows[i + 1].insert(rows[i + 1].end() - 1, sparkline(runs[i].newest_losses, kCells));
  }
  shape.right.push_back(column);  // neither shortened nor wrapped
  shape.spare.insert(shape.spare.begin() + 5, column);
}

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

}  // namespace

DeviceSeconds device_seconds(const RunFacts& facts, const Attempt& attempt, double now) {
  if (attempt.ended) return {attempt.end.device_seconds, attempt.end.lost_seconds};
  const slurm::AttemptStart& start = attempt.start;
  const double used = start.ranks * (start.start_up_seconds + last_seen(attempt, facts, now) - start.time);
  double lost = start.ranks * start.start_up_seconds + slurm::rolled_back_seconds(attempt);
  if (is_newest(attempt, facts) && !facts.alive && facts.newest) {
    lost += start.ranks * facts.newest->seconds *
            static_cast<double>(std::max<std::int64_t>(0, facts.newest->step - facts.saved_step));
  }
  return {used, std::min(lost, used)};
}

double running_share(const RunFacts& facts, double now) {
  const std::vector<Attempt>& attempts = facts.attempts;
  if (attempts.empty()) return 1.0;
  double ran = 0.0;
  for (const Attempt& attempt : attempts) {
    const double end = attempt.ended ? attempt.end.time : last_seen(attempt, facts, now);
    ran += attempt.start.start_up_seconds + std::max(0.0, end - attempt.start.time);
  }
  const double wall = now - attempts.front().start.time + attempts.front().start.start_up_seconds;
  return wall <= 0.0 ? 1.0 : std::clamp(ran / wall, 0.01, 1.0);
}

RunSummary summarise(const RunFacts& facts, const slurm::JobList& queue, double now) {
  RunSummary run;
  run.name = facts.path.filename().string();
  const FoundJob found = job_of(facts, queue, run.name);
  set_state(facts, found, run);
  if (!facts.attempts.empty()) {
    run.attempt = facts.attempts.back().number;
    run.job = facts.attempts.back().start.job_id;
    run.steps = facts.program ? facts.steps : facts.attempts.back().start.steps;
    run.step = facts.alive ? facts.attempts.back().start.first_step : facts.saved_step;
    // A program need not say what it saved.
    if (facts.program && run.state == "done") run.step = facts.attempts.back().end.last_step;
  }
  if (found.job != nullptr) run.job = found.id;
  if (facts.newest) {
    if (facts.alive) run.step = facts.newest->step;
    run.loss = facts.newest->loss;
    if (facts.alive && facts.newest->tokens_per_second > 0) run.tokens_per_second = facts.newest->tokens_per_second;
    const bool goes_on =
        run.state == "running" || run.state == "queued" || run.state == "requeued" || run.state == "starting";
    const double pace = seconds_per_step(facts, now);
    if (goes_on && run.steps >= run.step && run.steps > 0 && (pace > 0 || !facts.program)) {
      run.seconds_left = pace * static_cast<double>(run.steps - run.step) / running_share(facts, now);
    }
  }
  run.next_checkpoint = next_checkpoint(facts, run);
  add_hours(facts, now, run);
  return run;
}

std::string summary_table(const std::vector<RunSummary>& runs) {
  std::vector<std::vector<std::string>> rows = {{"run", "state", "job", "attempt", "step", "loss", "tokens/s",
                                                 "time left", "next save", "device hours", "lost", "note"}};
  const bool curves = std::ranges::any_of(runs, [](const RunSummary& run) { return !run.newest_losses.empty(); });
  TableShape shape{.right = {3, 4, 5, 6, 7, 9, 10}, .spare = {3, 8, 6, 10, 9, 2, 5, 7, 4}};
  for (const RunSummary& run : runs) {
    const std::string of = run.steps >= run.step && run.steps > 0 ? base::str("/", run.steps) : "";
    rows.push_back(
        {run.name, run.state, run.job.empty() ? "-" : run.job, std::to_string(run.attempt), base::str(run.step, of),
         run.loss ? fixed(*run.loss, 4) : "-", run.tokens_per_second ? format_count(*run.tokens_per_second) : "-",
         run.seconds_left ? format_duration(*run.seconds_left) : "-",
         run.next_checkpoint.empty() ? "-" : run.next_checkpoint, format_device_hours(run.device_hours, run.gpus),
         format_device_hours(run.lost_hours, run.gpus), run.note});
  }
  if (curves) add_curves(runs, rows, shape);
  return format_table(rows, shape);
}

base::Json to_json(const RunSummary& run) {
  base::Json json = {{"run", run.name},
                     {"state", run.state},
                     {"note", run.note},
                     {"job", run.job},
                     {"attempt", run.attempt},
                     {"step", run.step},
                     {"steps", run.steps},
                     {"next_checkpoint", run.next_checkpoint},
                     {"device_hours", run.device_hours},
                     {"lost_hours", run.lost_hours},
                     {"gpus", run.gpus}};
  if (run.loss) json["loss"] = *run.loss;
  if (run.tokens_per_second) json["tokens_per_second"] = *run.tokens_per_second;
  if (run.seconds_left) json["seconds_left"] = *run.seconds_left;
  return json;
}

}  // namespace trireme::launcher
