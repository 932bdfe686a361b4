#include "launcher/run_directory/run_facts.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <system_error>

#include "base/json.hpp"
#include "base/own_file.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/lease/lease.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/run_directory/metrics_line.hpp"
#include "launcher/run_directory/metrics_series.hpp"
#include "launcher/run_directory/program_metrics.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;
using base::Json;

// What cannot be read counts as not there.
template <typename Read>
void attempt_to(Read read) {
  try {
    read();
  } catch (const std::exception&) {
  }
}

std::string tail_of(base::FileSystem& files, const fs::path& path, std::uint64_t most) {
  const auto file = files.open_own(path, base::OpenMode::kRead);
  const std::uint64_t size = file->size();
  std::string tail(static_cast<std::size_t>(std::min(size, most)), '\0');
  tail.resize(file->pread(tail.data(), tail.size(), size - tail.size()));
  return tail;
}

// On this machine the process is asked for; elsewhere the file's age tells, which a heartbeat renews.
bool holder_alive(const fs::path& file, const Json& lease) {
  const checkpoint::LeaseHolder here = checkpoint::this_process("", 0);
  if (lease.value("machine", "") == here.machine) {
    const checkpoint::LeaseWorld world = checkpoint::real_world(nullptr, nullptr);
    return world.process_alive(lease.value("process", std::int64_t{0}), lease.value("started", ""));
  }
  std::error_code missing;
  const auto written = fs::last_write_time(file, missing);
  return !missing && fs::file_time_type::clock::now() - written < 2 * checkpoint::Lease::kUnchanged;
}

void read_lease(base::FileSystem& files, RunFacts& facts) {
  const fs::path file = facts.path / "lease";
  if (!files.exists(file)) return;
  const Json lease = Json::parse(base::read_own(files, file), nullptr, false);
  if (!lease.is_object() || lease.value("machine", "").empty()) return;
  facts.alive = holder_alive(file, lease);
  facts.lease_job = lease.value("job", "");
  facts.lease_cluster = lease.value("cluster", "");
}

}  // namespace

bool is_run_directory(base::FileSystem& files, const fs::path& path) {
  if (!files.is_directory(path)) return false;
  const auto has = [&](const char* name) { return files.exists(path / name); };
  return has("attempts.jsonl") || has("run.ini") || has("lease") || has("control") || has("checkpoints") || has("logs");
}

std::vector<double> newest_losses(base::FileSystem& files, const fs::path& path) {
  constexpr std::size_t kNewest = 256;
  std::vector<double> losses;
  attempt_to([&] { losses = newest_values(files, path / "metrics.jsonl", "loss", kNewest); });
  return losses;
}

bool is_held_by_the_living(base::FileSystem& files, const fs::path& path) {
  RunFacts facts;
  facts.path = path;
  attempt_to([&] { read_lease(files, facts); });
  return facts.alive;
}

bool is_finished(const RunFacts& run) {
  if (run.attempts.empty()) return false;
  const slurm::AttemptStart& asked = run.attempts.back().start;
  return slurm::is_finished(run.attempts, std::max(run.submission.steps, asked.steps), asked.stop_when);
}

std::string holder_text(const RunFacts& run) {
  if (!run.lease_job.empty() && run.lease_job != "local") return "job " + run.lease_job;
  return "attempt " + std::to_string(run.attempts.empty() ? 1 : run.attempts.back().number);
}

std::optional<StepFacts> parse_metrics_tail(const std::string& tail, bool by_program) {
  std::optional<StepFacts> newest;
  std::optional<double> loss;
  double seconds = 0.0;
  int steps = 0;
  for (std::size_t begin = 0; begin < tail.size();) {
    const std::size_t newline = tail.find('\n', begin);
    if (newline == std::string::npos) break;
    const Json line = parse_metrics_line(std::string_view(tail).substr(begin, newline - begin));
    begin = newline + 1;
    if (!line.is_object() || !line.contains(by_program ? "step" : "loss")) continue;
    try {
      if (line.contains("loss") && (!by_program || line.at("loss").is_number())) loss = line.at("loss").get<double>();
      newest = StepFacts{line.at("step").get<std::int64_t>(), loss, 0.0, line.value("tokens_per_second", 0.0),
                         line.value("time", 0.0)};
      seconds += line.value("seconds", 0.0);
      ++steps;
    } catch (const Json::exception&) {
      continue;  // a field of another type
    }
  }
  if (newest) newest->seconds = seconds / steps;
  return newest;
}

RunFacts read_run(base::FileSystem& files, const fs::path& path) {
  // Texts of samples, or a program's long lines, may follow the newest step.
  constexpr std::uint64_t kTails[] = {std::uint64_t{8} << 10, std::uint64_t{256} << 10, std::uint64_t{8} << 20};
  RunFacts facts;
  facts.path = fs::absolute(path).lexically_normal();
  if (!facts.path.has_filename()) facts.path = facts.path.parent_path();  // "." and "runs/bible/" end with a slash
  attempt_to([&] { facts.attempts = slurm::read_attempts(files, path / "attempts.jsonl", base::Trust::kContent); });
  attempt_to([&] { read_lease(files, facts); });
  facts.submission = last_submission(files, path);
  attempt_to([&] {
    const auto steps = checkpoint::committed_steps(files, path);
    if (!steps.empty()) facts.saved_step = steps.back();
  });
  attempt_to([&] {
    const auto options = options::parse_run_options(base::read_own(files, path / "run.ini"), "run.ini");
    facts.program = options.program.given();
    facts.can_save = !facts.program || options.program.save_signal != "none";
    facts.save_every_steps = options.checkpoint.every_steps;
    facts.queue_seconds = static_cast<double>(options.slurm.queue_seconds);
    facts.save_every_minutes = options.checkpoint.every_minutes;
  });
  const fs::path metrics = path / "metrics.jsonl";
  for (const std::uint64_t tail : kTails) {
    if (facts.newest) break;
    attempt_to([&] { facts.newest = parse_metrics_tail(tail_of(files, metrics, tail), facts.program); });
  }
  attempt_to([&] {
    if (!facts.program) return;
    const ProgramProgress said = program_progress(files, metrics);
    facts.steps = said.steps.value_or(0);
    facts.saved_step = said.saved_step.value_or(0);
  });
  attempt_to([&] { facts.stop = slurm::find_request(files, path, slurm::Wish::kStop); });
  attempt_to([&] { facts.save_asked = slurm::find_request(files, path, slurm::Wish::kSave).has_value(); });
  return facts;
}

}  // namespace trireme::launcher
