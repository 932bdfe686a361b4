#include "launcher/repeat/repeat_plan.hpp"

#include <sched.h>

#include <algorithm>
#include <iterator>
#include <thread>

#include "base/error.hpp"
#include "base/words.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/tools/copy.hpp"
#include "io/tokens/skipped_samples.hpp"
#include "launcher/repeat/found_datasets.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

int cpus_here() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

std::size_t chosen(const std::vector<AttemptRecord>& records, const RepeatRequest& request) {
  if (records.empty()) {
    throw InputError(str(request.run.string(), " has no ", kRecordName,
                         ", which a run has from the version on that writes it: nothing says what its attempts had"));
  }
  if (request.attempt == 0) return first_that_counts(records);
  const auto found = std::ranges::find(records, request.attempt, &AttemptRecord::attempt);
  if (found != records.end()) return static_cast<std::size_t>(found - records.begin());
  std::string numbers;
  for (const AttemptRecord& one : records) numbers += (numbers.empty() ? "" : ", ") + std::to_string(one.attempt);
  throw InputError(
      str("the record of ", request.run.string(), " has no attempt ", request.attempt, ", only ", numbers));
}

Path absolute_from(const std::string& path, const std::string& directory) {
  return (Path(directory.empty() ? "." : directory) / path).lexically_normal();
}

/// The checkpoint that the attempt went on from; nothing when it began at the first step.
std::optional<Path> checkpoint_of(base::FileSystem& files, const RepeatRequest& request, const AttemptRecord& record) {
  if (record.first_step == 0) return std::nullopt;
  const auto steps = checkpoint::committed_steps(files, request.run);
  if (std::ranges::find(steps, record.first_step) != steps.end()) {
    return checkpoint::step_directory(request.run, record.first_step);
  }
  throw InputError(str("attempt ", record.attempt, " of ", request.run.string(), " went on from step ",
                       record.first_step, ", and there is no checkpoint of that step any more: repeat an attempt that ",
                       "began at step 0 with --attempt"));
}

// Of the machine that the attempt ran on: what is counted here before anything was started.
void compare_machine(const AttemptRecord& attempt, const AttemptRecord& here, std::vector<std::string>& found) {
  std::ranges::move(machine_differences(attempt, here), std::back_inserter(found));
  const int cpus = cpus_here();
  if (attempt.device == "cuda") {
    if (!std::filesystem::exists("/dev/nvidiactl")) found.emplace_back("device cuda -> this machine shows no GPU");
    return;
  }
  const int threads = std::max(1, cpus / std::max(1, attempt.ranks));
  if (attempt.ranks > cpus) found.push_back(str(attempt.ranks, " ranks would share ", cpus, " CPUs here"));
  if (attempt.hosts.size() <= 1 && attempt.threads > 0 && attempt.threads != threads)
    found.push_back(str("threads of a rank ", attempt.threads, " -> ", threads, " on this machine"));
}

// Variables that the attempt had and this process has not, or with another value.
std::vector<std::string> variables_to_set(const AttemptRecord& attempt) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : attempt.environment) {
    if (may_be_set(name, value) && slurm::environment_variable(name) != value) variables.push_back(name + "=" + value);
  }
  return variables;
}

void fill_options(base::FileSystem& files, const RepeatRequest& request, RepeatPlan& plan) {
  const AttemptRecord& attempt = plan.attempt;
  options::RunOptions& options = plan.options;
  options = options::parse_run_options(attempt.options, str("the record of attempt ", attempt.attempt));
  options.run.dir = std::filesystem::absolute(request.directory).lexically_normal().string();
  options.run.pause_at = 0;
  if (options.program.given()) return;
  const std::string tree = !request.tree.empty() ? request.tree : options.data.tree;
  const Path run = std::filesystem::absolute(request.run).lexically_normal();
  const FoundDatasets found =
      find_datasets(files, attempt, request.data, tree, {std::filesystem::current_path(), run, run.parent_path()});
  plan.differences.insert(plan.differences.end(), found.differences.begin(), found.differences.end());
  plan.missing = found.missing;
  options.data.train = found.train;
  options.data.valid = found.valid;
  options.data.tree.clear();
  options.train.device = attempt.device == "cuda" ? "cuda" : "cpu";
  options.checkpoint.fast_dir.clear();
  options.checkpoint.fast_persists.reset();
  if (!options.data.tokenizer.empty()) {
    options.data.tokenizer = absolute_from(options.data.tokenizer, attempt.started_in).string();
    if (!files.exists(options.data.tokenizer)) {
      plan.differences.push_back(str("data.tokenizer ", options.data.tokenizer,
                                     " is missing: the one recorded in the dataset, which is the same, is taken"));
      options.data.tokenizer.clear();
    }
  }
  if (!options.model.init_from.empty()) {
    options.model.init_from = absolute_from(options.model.init_from, attempt.started_in).string();
    if (attempt.first_step == 0 && !files.exists(options.model.init_from))
      plan.missing.push_back(str("model.init_from ", options.model.init_from, " is missing"));
  }
}

/// What the run left out because it was not fit to learn from. A run that leaves these samples out from the start has
/// the same losses (docs/health.md), whatever was not fit about them then.
void leave_out_the_same(base::FileSystem& files, const Path& run, const std::vector<AttemptRecord>& records,
                        RepeatPlan& plan) {
  tokens::SkippedSamples skipped;
  for (const slurm::Attempt& attempt : slurm::read_attempts(files, run / "attempts.jsonl")) {
    const auto record = std::ranges::find(records, attempt.number, &AttemptRecord::attempt);
    // The positions mean other samples where the data or their order are others.
    if (record == records.end() || !differences_between(plan.attempt, *record).losses.empty()) continue;
    for (const slurm::HealthEvent& event : attempt.health) {
      const bool left_out = event.action == slurm::kSkipped || event.action == slurm::kRolledBack;
      if (!left_out || event.first_sample < 0 || event.last_sample < event.first_sample) continue;
      skipped.add({static_cast<std::uint64_t>(event.first_sample), static_cast<std::uint64_t>(event.last_sample)});
    }
  }
  if (skipped.empty()) return;
  if (!plan.options.data.skip.empty()) skipped.add(tokens::parse_skipped_samples(plan.options.data.skip, "data.skip"));
  std::vector<std::string> ranges;
  for (const tokens::SampleRange& range : skipped.ranges()) ranges.push_back(tokens::to_string(range));
  plan.options.data.skip = base::join(ranges);
  plan.history.push_back(
      str("the run left out samples that were not fit to learn from: data.skip = ", plan.options.data.skip,
          " leaves them out here from the start, which gives the same losses"));
}

}  // namespace

RepeatPlan plan_repeat(base::FileSystem& files, const RepeatRequest& request, const AttemptRecord& here) {
  if (!files.is_directory(request.run)) throw InputError(str("there is no run directory ", request.run.string()));
  const auto records = read_attempt_records(files, request.run);
  const std::size_t first = chosen(records, request);
  RepeatPlan plan;
  plan.attempt = records[first];
  compare_machine(plan.attempt, here, plan.differences);
  fill_options(files, request, plan);
  const auto stretches = stretches_of(records, first);
  plan.history = history_text(records, stretches);
  plan.comparable = comparable_steps(stretches);
  if (!plan.options.program.given()) leave_out_the_same(files, request.run, records, plan);
  if (!plan.options.program.given()) plan.checkpoint = checkpoint_of(files, request, plan.attempt);
  plan.variables = variables_to_set(plan.attempt);
  return plan;
}

void write_repeat(base::FileSystem& files, const RepeatPlan& plan) {
  const Path directory = plan.options.run.dir;
  const std::string text = options::to_ini(plan.options);
  if (files.exists(directory)) {
    if (!files.is_directory(directory)) throw InputError(str(directory.string(), " is no directory"));
    const auto entries = files.list(directory);
    const bool ours = entries.size() == 1 && entries[0] == "run.ini" && files.read_all(directory / "run.ini") == text;
    if (!entries.empty() && !ours) {
      throw InputError(str(directory.string(), " is not empty: the repeated run needs a directory of its own"));
    }
  }
  files.create_directories(directory);
  if (plan.checkpoint) {
    checkpoint::copy(files, *plan.checkpoint, directory / "checkpoints",
                     std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8), false,
                     [](std::uint64_t) { return true; });
  }
  files.replace(directory / "run.ini", text);
}

std::vector<std::string> repeat_words(const RepeatPlan& plan, const std::string& program) {
  std::vector<std::string> words;
  const int ranks = plan.options.program.given() ? 1 : plan.attempt.ranks;
  if (ranks > 1) {
    words = {"mpirun", "-n", std::to_string(ranks), "--bind-to", "none"};
    if (ranks > cpus_here()) words.emplace_back("--oversubscribe");
  }
  words.insert(words.end(), {program, "train", (Path(plan.options.run.dir) / "run.ini").string()});
  return words;
}

}  // namespace trireme::launcher
