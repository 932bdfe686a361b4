#include "slurm/job/attempt_ledger.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/names.hpp"
#include "base/own_file.hpp"

namespace trireme::slurm {
namespace {

using base::Json;

Json to_json(int number, const AttemptStart& start) {
  return Json{{"event", "start"},
              {"attempt", number},
              {"time", start.time},
              {"run_id", start.run_id},
              {"reason", start.reason},
              {"job", start.job_id},
              {"cluster", start.cluster},
              {"restart_count", start.restart_count},
              {"partition", start.partition},
              {"layout", start.layout},
              {"hosts", start.hosts},
              {"ranks", start.ranks},
              {"gpus", start.gpus},
              {"steps", start.steps},
              {"stop_when", start.stop_when},
              {"first_step", start.first_step},
              {"start_up_seconds", start.start_up_seconds}};
}

Json to_json(int number, const AttemptEnd& end) {
  return Json{{"event", "end"},
              {"attempt", number},
              {"time", end.time},
              {"reason", end.reason},
              {"last_step", end.last_step},
              {"saved_step", end.saved_step},
              {"device_seconds", end.device_seconds},
              {"lost_seconds", end.lost_seconds},
              {"step_seconds", end.step_seconds},
              {"save_seconds", end.save_seconds},
              {"save_stall_seconds", end.save_stall_seconds},
              {"save_interval_seconds", end.save_interval_seconds},
              {"stalled_seconds", end.stalled_seconds},
              {"shards_per_node", end.shards_per_node}};
}

Json to_json(int number, const HealthEvent& event) {
  return Json{{"event", "health"},
              {"attempt", number},
              {"time", event.time},
              {"kind", event.kind},
              {"action", event.action},
              {"step", event.step},
              {"first_sample", event.first_sample},
              {"last_sample", event.last_sample},
              {"order", event.order},
              {"to_step", event.to_step},
              {"lost_seconds", event.lost_seconds},
              {"rank", event.rank},
              {"host", event.host},
              {"message", event.message}};
}

/// What a line says that no attempt writes.
struct NotOurs {};

AttemptStart start_of(const Json& line) {
  AttemptStart start;
  start.run_id = line.value("run_id", "");
  if (!start.run_id.empty() && !base::is_run_id(start.run_id)) throw NotOurs();
  start.time = line.value("time", 0.0);
  start.reason = line.value("reason", "");
  start.job_id = line.value("job", "");
  start.cluster = line.value("cluster", "");
  start.restart_count = line.value("restart_count", 0);
  start.partition = line.value("partition", "");
  start.layout = line.value("layout", "");
  start.hosts = line.value("hosts", std::vector<std::string>{});
  std::erase_if(start.hosts, [](const std::string& host) { return !base::is_host_name(host); });
  start.ranks = line.value("ranks", 1);
  start.gpus = line.value("gpus", false);
  start.steps = line.value("steps", std::int64_t{0});
  start.stop_when = line.value("stop_when", "");
  start.first_step = line.value("first_step", std::int64_t{0});
  start.start_up_seconds = line.value("start_up_seconds", 0.0);
  return start;
}

AttemptEnd end_of(const Json& line) {
  AttemptEnd end;
  end.time = line.value("time", 0.0);
  end.reason = line.value("reason", "");
  end.last_step = line.value("last_step", std::int64_t{0});
  end.saved_step = line.value("saved_step", std::int64_t{0});
  end.device_seconds = line.value("device_seconds", 0.0);
  end.lost_seconds = line.value("lost_seconds", 0.0);
  end.step_seconds = line.value("step_seconds", 0.0);
  end.save_seconds = line.value("save_seconds", 0.0);
  end.save_stall_seconds = line.value("save_stall_seconds", 0.0);
  end.save_interval_seconds = line.value("save_interval_seconds", 0.0);
  end.stalled_seconds = line.value("stalled_seconds", 0.0);
  end.shards_per_node = line.value("shards_per_node", 0);
  return end;
}

HealthEvent health_of(const Json& line) {
  HealthEvent event;
  event.time = line.value("time", 0.0);
  event.kind = line.value("kind", "");
  event.action = line.value("action", "");
  event.step = line.value("step", std::int64_t{0});
  event.first_sample = line.value("first_sample", std::int64_t{-1});
  event.last_sample = line.value("last_sample", std::int64_t{-1});
  event.order = line.value("order", "");
  event.to_step = line.value("to_step", std::int64_t{-1});
  event.lost_seconds = line.value("lost_seconds", 0.0);
  event.rank = line.value("rank", std::int64_t{-1});
  event.host = line.value("host", "");
  if (!event.host.empty() && !base::is_host_name(event.host)) throw NotOurs();
  event.message = line.value("message", "");
  return event;
}

/// Changes nothing when a field is of another type (Json::exception) or the number can't be an attempt's.
void apply(const Json& line, std::vector<Attempt>& attempts) {
  constexpr std::int64_t kMost = 1'000'000'000;
  const auto number = line.value("attempt", std::int64_t{0});
  const std::int64_t last = attempts.empty() ? 0 : attempts.back().number;
  if (number < 1 || number > kMost) return;
  const std::string event = line.value("event", "");
  if (event == "start") {
    constexpr std::size_t kMostAttempts = 100'000;  // a run that never comes so far must not fill the memory
    if (number > last && attempts.size() < kMostAttempts)
      attempts.push_back(Attempt{static_cast<int>(number), start_of(line), false, {}, {}});
  } else if (number == last && event == "health") {
    constexpr std::size_t kMostEvents = 100'000;
    if (attempts.back().health.size() < kMostEvents) attempts.back().health.push_back(health_of(line));
  } else if (number == last && event == "end") {
    attempts.back().end = end_of(line);
    attempts.back().ended = true;
  }
}

void take_line(std::string_view text, std::vector<Attempt>& attempts) {
  const Json line = Json::parse(text, nullptr, false);
  if (!line.is_object()) return;
  try {
    apply(line, attempts);
  } catch (const Json::exception&) {
    // a field of another type: not our line
  } catch (const NotOurs&) {
  }
}

// Takes all complete lines, passing over damaged ones. Returns their bytes: what a crash or a full disk tore off at the
// end is not among them.
std::uint64_t take_lines(base::FileSystem& files, const std::filesystem::path& file, base::Trust trust,
                         std::vector<Attempt>& attempts) {
  return base::read_ledger(files, file, trust, [&](std::string_view line) { take_line(line, attempts); });
}

}  // namespace

bool was_asked_to_end(const std::string& reason) {
  return reason.starts_with("stopped") || reason.starts_with("preempted") || is_paused(reason);
}

bool left_by_itself(const std::string& reason) { return reason.starts_with(kLeftByItself); }

double rolled_back_seconds(const Attempt& attempt) {
  double seconds = 0.0;
  for (const HealthEvent& event : attempt.health) seconds += event.lost_seconds;
  return seconds;
}

std::string failed_on(const std::string& host) {
  return host.empty() ? "failed: " : base::str("failed on ", host, ": ");
}

std::string failed_host(const std::string& reason) {
  constexpr std::string_view kFailed = "failed on ";
  const std::size_t colon = reason.find(':');
  if (!reason.starts_with(kFailed) || colon == std::string::npos) return "";
  const std::string host = reason.substr(kFailed.size(), colon - kFailed.size());
  return base::is_host_name(host) ? host : "";
}

bool is_paused(const std::string& reason) { return reason.starts_with("paused at step "); }

bool ended_early(const std::string& reason) { return reason.starts_with("done early: "); }

bool is_of_job(const AttemptStart& attempt, const std::string& job_id, const std::string& cluster) {
  const bool other_cluster = !attempt.cluster.empty() && !cluster.empty() && attempt.cluster != cluster;
  return attempt.job_id == job_id && !other_cluster;
}

std::string end_reason(const Attempt& attempt, const std::string& without_end) {
  return attempt.ended ? attempt.end.reason : without_end;
}

int next_number(const std::vector<Attempt>& attempts) { return attempts.empty() ? 1 : attempts.back().number + 1; }

bool is_last_open(const std::vector<Attempt>& attempts) { return !attempts.empty() && !attempts.back().ended; }

bool is_finished(const std::vector<Attempt>& attempts, std::int64_t steps, const std::string& stop_when) {
  if (attempts.empty()) return false;
  const Attempt& last = attempts.back();
  if (last.ended && ended_early(last.end.reason))
    return last.start.stop_when == stop_when || last.end.last_step >= steps;
  return last.ended && last.end.reason == "done" && last.end.last_step >= steps;
}

bool is_finished(const std::vector<Attempt>& attempts) {
  return !attempts.empty() && is_finished(attempts, attempts.back().start.steps, attempts.back().start.stop_when);
}

MeasuredSeconds last_measured(const std::vector<Attempt>& attempts) {
  MeasuredSeconds last;
  for (const Attempt& attempt : attempts) {
    if (attempt.start.start_up_seconds > 0) last.start_up = attempt.start.start_up_seconds;
    if (attempt.end.step_seconds > 0) last.step = attempt.end.step_seconds;
    if (attempt.end.save_seconds > 0) last.save = attempt.end.save_seconds;
  }
  return last;
}

std::optional<Pace> last_pace(const std::vector<Attempt>& attempts) {
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt) {
    const std::int64_t steps = attempt->end.last_step - attempt->start.first_step;
    const double seconds = attempt->end.time - attempt->start.time;
    if (!attempt->ended || steps <= 0 || seconds <= 0) continue;
    return Pace{seconds / static_cast<double>(steps), attempt->start.ranks, attempt->end.saved_step};
  }
  return std::nullopt;
}

int last_shards_per_node(const std::vector<Attempt>& attempts) {
  int files = 0;
  for (const Attempt& attempt : attempts) {
    if (attempt.end.shards_per_node > 0) files = attempt.end.shards_per_node;
  }
  return files;
}

std::vector<Attempt> read_attempts(base::FileSystem& files, const std::filesystem::path& file, base::Trust trust) {
  std::vector<Attempt> attempts;
  take_lines(files, file, trust, attempts);
  return attempts;
}

AttemptLedger::AttemptLedger(base::FileSystem& files, std::filesystem::path file)
    : files_(files), file_(std::move(file)) {
  const std::uint64_t good = take_lines(files_, file_, base::Trust::kOwner, attempts_);
  if (!files_.exists(file_)) return;
  const auto opened = files_.open_own(file_, base::OpenMode::kReadWrite, base::Trust::kOwner);
  if (good < opened->size()) {
    opened->truncate(good);
    opened->sync();
  }
}

int AttemptLedger::start(const AttemptStart& start, const AttemptEnd& progress_of_killed) {
  if (is_last_open(attempts_)) end(progress_of_killed);
  const int number = next_number(attempts_);
  append(to_json(number, start));
  attempts_.push_back(Attempt{number, start, false, {}, {}});
  return number;
}

void AttemptLedger::end(const AttemptEnd& end) {
  append(to_json(attempts_.back().number, end));
  attempts_.back().ended = true;
  attempts_.back().end = end;
}

void AttemptLedger::health(const HealthEvent& event) {
  append(to_json(attempts_.back().number, event));
  attempts_.back().health.push_back(event);
}

void AttemptLedger::append(const Json& line) {
  const auto opened = files_.open_own(file_, base::OpenMode::kAppend, base::Trust::kOwner);
  const std::string text = base::to_line(line) + '\n';
  opened->pwrite(text.data(), text.size(), opened->size());
  opened->sync();
}

}  // namespace trireme::slurm
