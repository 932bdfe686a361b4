#include "launcher/repeat/repeat_plan.hpp"

#include <sched.h>

#include <algorithm>
#include <iterator>
#include <thread>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "base/words.hpp"
#include "collectives/topology/placement.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/tools/copy.hpp"
#include "io/tokens/skipped_samples.hpp"
#include "launcher/hub/directory.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/repeat/found_datasets.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

std::vector<int> cpus_here() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
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

// Compares the machine that the attempt ran on with this one, as far as that can be counted before anything is started.
// A rank takes its share of the CPUs that it may use, so that fewer of them give it the threads that it had.
void compare_machine(const AttemptRecord& here, RepeatPlan& plan) {
  const AttemptRecord& attempt = plan.attempt;
  std::vector<std::string>& found = plan.differences;
  std::ranges::move(machine_differences(attempt, here), std::back_inserter(found));
  if (attempt.device == "cuda") {
    if (!std::filesystem::exists("/dev/nvidiactl")) found.emplace_back("device cuda -> this machine shows no GPU");
    return;
  }
  std::vector<int> cpus = cpus_here();
  const auto count = static_cast<int>(cpus.size());
  const int ranks = std::max(1, attempt.ranks), threads = std::max(1, count / ranks);
  if (ranks > count) found.push_back(str(ranks, " ranks would share ", count, " CPUs here"));
  if (attempt.hosts.size() > 1 || attempt.threads < 1 || attempt.threads == threads) return;
  if (std::int64_t{ranks} * attempt.threads <= count) {
    cpus.resize(static_cast<std::size_t>(ranks) * static_cast<std::size_t>(attempt.threads));
    plan.cpus = topology::cpu_list(cpus);
    return;
  }
  found.push_back(str("threads of a rank ", attempt.threads, " -> ", threads,
                      " on this machine: bit-equal losses cannot be expected"));
}

// Variables that the attempt had and this process has not, or with another value.
std::vector<std::string> variables_to_set(const AttemptRecord& attempt) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : attempt.environment) {
    if (may_be_set(name, value) && slurm::environment_variable(name) != value) variables.push_back(name + "=" + value);
  }
  return variables;
}

// The team's directory in which datasets may be; "" where a damaged site file names none.
std::string tree_of(const RepeatRequest& request, const std::string& of_run) {
  if (!request.tree.empty()) return request.tree;
  if (!of_run.empty()) return of_run;
  try {
    return options::default_team_tree().string();
  } catch (const InputError&) {
    return "";
  }
}

void find_data(base::FileSystem& files, const RepeatRequest& request, RepeatPlan& plan) {
  options::RunOptions& options = plan.options;
  const Path run = std::filesystem::absolute(request.run).lexically_normal();
  const FoundDatasets found = find_datasets(files, plan.attempt, request.data, tree_of(request, options.data.tree),
                                            {std::filesystem::current_path(), run, run.parent_path()});
  plan.differences.insert(plan.differences.end(), found.differences.begin(), found.differences.end());
  plan.missing = found.missing;
  options.data.train = found.train;
  options.data.valid = found.valid;
  options.data.tree.clear();
  if (!found.missing_valid.empty() && !options.train.stop_when.empty()) {
    plan.missing.insert(plan.missing.end(), found.missing_valid.begin(), found.missing_valid.end());
  } else if (!found.missing_valid.empty()) {
    for (const std::string& line : found.missing_valid)
      plan.differences.push_back(line + ": the repeated run does without validations, which change no loss");
    options.data.valid.clear();
    options.log.valid_every_steps = 0;
    options.log.sample_prompts.clear();
    options.checkpoint.keep_best = false;
  }
  plan.data_missing = !plan.missing.empty();
}

// What model.init_from led to then, which may be a run directory that has newer checkpoints now.
void find_initial_weights(base::FileSystem& files, RepeatPlan& plan) {
  const AttemptRecord& attempt = plan.attempt;
  std::string& given = plan.options.model.init_from;
  if (given.empty()) return;
  const bool resolved = attempt.first_step == 0 && !attempt.init_digest.empty();
  given = absolute_from(resolved ? attempt.from : given, attempt.started_in).string();
  if (std::ranges::any_of(given, [](unsigned char c) { return c < ' ' || c == 0x7f; }))
    throw InputError(str("the path of a checkpoint cannot stand in a run file: ", given));
  if (attempt.first_step > 0) return;
  if (!files.exists(given)) {
    plan.missing.push_back(str("model.init_from ", given, " is missing"));
    return;
  }
  if (!resolved) return;
  if (HubDirectory::is_one(files, given)) {
    if (base::xxh3_hex(to_text(HubDirectory::open(files, given).record())) != attempt.init_digest)
      plan.missing.push_back(str("model.init_from ", given, " has changed: it is another model than then"));
    return;
  }
  const Path manifest = Path(given) / checkpoint::kManifestName;
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(manifest, unknown)) {
    plan.missing.push_back(str("model.init_from ", given, " is missing: there is no checkpoint any more"));
  } else if (base::xxh3_hex(files.read_all(manifest)) != attempt.init_digest) {
    plan.missing.push_back(str("model.init_from ", given, " has changed: it is another checkpoint than then"));
  }
}

// So that a job has the ranks on the nodes as they were.
void set_nodes(const AttemptRecord& attempt, slurm::JobRequest& request) {
  const auto nodes = static_cast<std::int64_t>(attempt.hosts.size());
  if (nodes < 1 || nodes * attempt.ranks_per_node != attempt.ranks) return;
  request.nodes = nodes;
  request.min_nodes = 0;
  request.ranks_per_node = attempt.ranks_per_node;
}

void fill_options(base::FileSystem& files, const RepeatRequest& request, RepeatPlan& plan) {
  const AttemptRecord& attempt = plan.attempt;
  options::RunOptions& options = plan.options;
  options = options::parse_run_options(attempt.options, str("the record of attempt ", attempt.attempt));
  options.run.dir = std::filesystem::absolute(request.directory).lexically_normal().string();
  options.run.pause_at = 0;
  if (options.program.given()) return;
  find_data(files, request, plan);
  set_nodes(attempt, options.slurm);
  options.train.device = attempt.device == "cuda" ? "cuda" : "cpu";
  options.checkpoint.fast_dir.clear();
  options.checkpoint.fast_persists.reset();
  if (!options.data.tokenizer.empty()) {
    options.data.tokenizer = absolute_from(options.data.tokenizer, attempt.started_in).string();
    if (!files.exists(options.data.tokenizer)) {
      plan.differences.push_back(str("data.tokenizer ", options.data.tokenizer,
                                     " is missing: using the identical copy that the dataset holds"));
      options.data.tokenizer.clear();
    }
  }
  find_initial_weights(files, plan);
}

/// What the run left out because it was not fit to learn from. A run that leaves these samples out from the start has
/// the same losses (docs/health.md), whatever was not fit about them then.
void leave_out_the_same(base::FileSystem& files, const Path& run, const std::vector<AttemptRecord>& records,
                        RepeatPlan& plan) {
  tokens::SkippedSamples skipped;
  for (const slurm::Attempt& attempt : slurm::read_attempts(files, run / "attempts.jsonl")) {
    const auto record = std::ranges::find(records, attempt.number, &AttemptRecord::attempt);
    for (const slurm::HealthEvent& event : attempt.health) {
      const bool left_out = event.action == slurm::kSkipped || event.action == slurm::kRolledBack;
      if (!left_out || event.first_sample < 0 || event.last_sample < event.first_sample ||
          event.last_sample > tokens::kLastPosition) {
        continue;
      }
      // The positions mean other samples where the data or their order are others.
      const bool told = !plan.attempt.order.empty() && !event.order.empty();
      const bool same_order =
          told ? event.order == plan.attempt.order
               : record != records.end() && differences_between(plan.attempt, *record).losses.empty();
      if (!same_order) continue;
      skipped.add({static_cast<std::uint64_t>(event.first_sample), static_cast<std::uint64_t>(event.last_sample)});
    }
  }
  if (skipped.empty()) return;
  if (!plan.options.data.skip.empty()) skipped.add(tokens::parse_skipped_samples(plan.options.data.skip, "data.skip"));
  std::vector<std::string> ranges;
  for (const tokens::SampleRange& range : skipped.ranges()) ranges.push_back(tokens::to_string(range));
  plan.options.data.skip = base::join(ranges);
  plan.history.push_back(str("the run skipped samples of bad batches: data.skip = ", plan.options.data.skip,
                             " leaves them out here from the start, which gives the same losses"));
}

enum class Found { kCopy, kNothing, kOthers };

// What an earlier call left in the directory of the checkpoints: a copy takes its name when it is whole. A half one, of
// a call that was killed, is removed.
Found look_for_copy(base::FileSystem& files, const Path& checkpoints, const RepeatPlan& plan) {
  if (!plan.checkpoint || !files.is_directory(checkpoints)) return Found::kOthers;
  const std::string name = plan.checkpoint->filename().string();
  Found found = Found::kNothing;
  for (const std::string& entry : files.list(checkpoints)) {
    const Path manifest = checkpoints / entry / checkpoint::kManifestName;
    std::error_code unknown;
    if (entry.starts_with("." + name + ".copy.") && entry.ends_with(".partial")) {
      files.remove_all(checkpoints / entry);
    } else if (entry == name && std::filesystem::is_regular_file(manifest, unknown) &&
               files.read_all(manifest) == files.read_all(*plan.checkpoint / checkpoint::kManifestName)) {
      found = Found::kCopy;
    } else {
      return Found::kOthers;
    }
  }
  return found;
}

}  // namespace

RepeatPlan plan_repeat(base::FileSystem& files, const RepeatRequest& request, const AttemptRecord& here) {
  if (!files.is_directory(request.run)) throw InputError(str("there is no run directory ", request.run.string()));
  const auto records = read_attempt_records(files, request.run);
  const std::size_t first = chosen(records, request);
  RepeatPlan plan;
  plan.attempt = records[first];
  compare_machine(here, plan);
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
  bool copied = false;
  if (files.exists(directory)) {
    if (!files.is_directory(directory)) throw InputError(str(directory.string(), " is no directory"));
    for (const std::string& entry : files.list(directory)) {
      const bool run_file = entry == "run.ini" && files.read_all(directory / entry) == text;
      const Found found = entry == "checkpoints" ? look_for_copy(files, directory / entry, plan) : Found::kOthers;
      copied = copied || found == Found::kCopy;
      if (run_file || found != Found::kOthers) continue;
      throw InputError(str(directory.string(), " is not empty: the repeated run needs a directory of its own"));
    }
  }
  files.create_directories(directory);
  if (plan.checkpoint && !copied) {
    checkpoint::copy(files, *plan.checkpoint, directory / "checkpoints",
                     std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8), false,
                     [](std::uint64_t) { return true; });
  }
  files.replace(directory / "run.ini", text);
}

std::vector<std::string> repeat_words(const RepeatPlan& plan, const std::string& program) {
  std::vector<std::string> words;
  if (!plan.cpus.empty()) words = {"taskset", "-c", plan.cpus};
  const int ranks = plan.options.program.given() ? 1 : plan.attempt.ranks;
  if (ranks > 1) {
    words.insert(words.end(), {"mpirun", "-n", std::to_string(ranks), "--bind-to", "none"});
    // mpirun counts cores, and of fewer CPUs two may be of one core.
    if (!plan.cpus.empty() || ranks > static_cast<int>(cpus_here().size())) words.emplace_back("--oversubscribe");
  }
  words.insert(words.end(), {program, "train", (Path(plan.options.run.dir) / "run.ini").string()});
  return words;
}

}  // namespace trireme::launcher
