#include "slurm/job/attempt_ledger.hpp"

#include <utility>

#include "base/error.hpp"

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
              {"shards_per_node", end.shards_per_node}};
}

AttemptStart start_of(const Json& line) {
  AttemptStart start;
  start.run_id = line.value("run_id", "");
  start.time = line.value("time", 0.0);
  start.reason = line.value("reason", "");
  start.job_id = line.value("job", "");
  start.cluster = line.value("cluster", "");
  start.restart_count = line.value("restart_count", 0);
  start.partition = line.value("partition", "");
  start.layout = line.value("layout", "");
  start.hosts = line.value("hosts", std::vector<std::string>{});
  start.ranks = line.value("ranks", 1);
  start.gpus = line.value("gpus", false);
  start.steps = line.value("steps", std::int64_t{0});
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
  end.shards_per_node = line.value("shards_per_node", 0);
  return end;
}

/// Changes nothing when a field is of another type (Json::exception) or the number can't be an attempt's.
void apply(const Json& line, std::vector<Attempt>& attempts) {
  constexpr std::int64_t kMost = 1'000'000'000;
  const auto number = line.value("attempt", std::int64_t{0});
  const std::int64_t last = attempts.empty() ? 0 : attempts.back().number;
  if (number < 1 || number > kMost) return;
  if (line.value("event", "") == "start") {
    if (number > last) attempts.push_back(Attempt{static_cast<int>(number), start_of(line), false, {}});
  } else if (number == last) {
    attempts.back().end = end_of(line);
    attempts.back().ended = true;
  }
}

// Takes all complete lines, passing over damaged ones. Returns their bytes: what a crash or a full disk tore off at the
// end is not among them.
std::size_t take_lines(const std::string& content, std::vector<Attempt>& attempts) {
  std::size_t begin = 0;
  for (std::size_t newline; (newline = content.find('\n', begin)) != std::string::npos; begin = newline + 1) {
    const Json line = Json::parse(content.substr(begin, newline - begin), nullptr, false);
    if (!line.is_object()) continue;
    try {
      apply(line, attempts);
    } catch (const Json::exception&) {
      // a field of another type: not our line
    }
  }
  return begin;
}

}  // namespace

bool was_asked_to_end(const std::string& reason) {
  return reason.starts_with("stopped") || reason.starts_with("preempted");
}

bool is_of_job(const AttemptStart& attempt, const std::string& job_id, const std::string& cluster) {
  const bool other_cluster = !attempt.cluster.empty() && !cluster.empty() && attempt.cluster != cluster;
  return attempt.job_id == job_id && !other_cluster;
}

std::vector<Attempt> read_attempts(base::FileSystem& files, const std::filesystem::path& file) {
  std::vector<Attempt> attempts;
  if (files.exists(file)) take_lines(files.read_all(file), attempts);
  return attempts;
}

AttemptLedger::AttemptLedger(base::FileSystem& files, std::filesystem::path file)
    : files_(files), file_(std::move(file)) {
  if (!files_.exists(file_)) return;
  const std::string content = files_.read_all(file_);
  const std::size_t good = take_lines(content, attempts_);
  if (good < content.size()) {
    const auto opened = files_.open(file_, base::OpenMode::kReadWrite);
    opened->truncate(good);
    opened->sync();
  }
}

int AttemptLedger::start(const AttemptStart& start, const AttemptEnd& progress_of_killed) {
  if (!attempts_.empty() && !attempts_.back().ended) end(progress_of_killed);
  const int number = attempts_.empty() ? 1 : attempts_.back().number + 1;
  append(to_json(number, start));
  attempts_.push_back(Attempt{number, start, false, {}});
  return number;
}

void AttemptLedger::end(const AttemptEnd& end) {
  append(to_json(attempts_.back().number, end));
  attempts_.back().ended = true;
  attempts_.back().end = end;
}

void AttemptLedger::append(const Json& line) {
  const auto opened = files_.open(file_, base::OpenMode::kAppend);
  const std::string text = base::to_line(line) + '\n';
  opened->pwrite(text.data(), text.size(), opened->size());
  opened->sync();
}

}  // namespace trireme::slurm
