// trireme reproduce: a run that gives the losses of another one again, and the check that it does.
#include <algorithm>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/lines.hpp"
#include "base/own_program.hpp"
#include "base/printable.hpp"
#include "base/signals.hpp"
#include "base/words.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/repeat/loss_check.hpp"
#include "launcher/repeat/repeat_plan.hpp"
#include "launcher/sweep/trial_process.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

// A word as a person types it into a shell.
std::string shell_word(const std::string& word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./=:,+@%").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void say_differences(const RepeatPlan& plan) {
  const bool same = plan.differences.empty() && plan.missing.empty();
  if (same) base::answer("differs here: nothing that is recorded");
  for (const std::string& line : plan.missing) base::answer("MISSING here: " + line);
  for (const std::string& line : plan.differences) base::answer("differs here: " + line);
  for (const std::string& line : plan.history) base::answer("changed in the run: " + line);
}

void say_commands(const RepeatPlan& plan, const Path& run) {
  const AttemptRecord& attempt = plan.attempt;
  base::answer(str("wrote ", plan.options.run.dir, "/run.ini: attempt ", attempt.attempt, " of ", run.string(),
                   attempt.first_step > 0 ? str(", from its checkpoint of step ", attempt.first_step, " on") : "", ", ",
                   attempt.layout, ", ", attempt.ranks, attempt.ranks == 1 ? " rank" : " ranks", " on ",
                   attempt.hosts.size() > 1 ? str(attempt.hosts.size(), " nodes") : "one node"));
  std::vector<std::string> words = plan.variables;
  for (const std::string& word : repeat_words(plan, "trireme")) words.push_back(shell_word(word));
  base::answer("to train: " + base::join(words, " "));
  if (attempt.hosts.size() > 1)
    base::answer("or as a job: trireme submit " + shell_word(plan.options.run.dir + "/run.ini"));
}

// ": " and the last cause that a training printed; "" when it printed none.
std::string cause_in(base::FileSystem& files, const Path& log) {
  constexpr std::string_view kMark = "trireme: ";
  std::string cause;
  if (!files.exists(log)) return cause;
  base::for_each_line_backwards(*files.open_own(log, base::OpenMode::kRead), [&](std::string_view line) {
    if (line.starts_with(kMark)) cause = str(": ", line.substr(kMark.size()));
    return cause.empty();
  });
  return cause;
}

/// The losses of the steps that were asked for, trained here.
Losses train_here(base::FileSystem& files, const RepeatPlan& plan, std::int64_t last) {
  const Path directory = plan.options.run.dir;
  TrialCommand command;
  command.words = repeat_words(plan, base::own_program().string());
  command.words.push_back(str("--run.pause_at=", last));
  command.log = directory / "logs" / "reproduce.log";
  command.variables = plan.variables;
  files.create_directories(directory / "logs");
  TrialProcesses processes;
  base::SignalThread signals;
  signals.on_signal([&](int) { processes.stop(); });
  const int code = processes.run(command);
  const bool asked = signals.received() != 0;
  signals.on_signal(nullptr);
  if (asked) throw base::Stopped("stopped before the losses were compared");
  const auto outcome = slurm::read_outcome(files, directory, 1);
  const int ended = outcome ? outcome->exit_code : code;
  if (ended != base::kExitDone && ended != base::kExitStopped) {
    throw base::Error(str("the repeated run failed", outcome ? ": " + outcome->reason : cause_in(files, command.log),
                          "; what it printed is in ", command.log.string()));
  }
  return losses_of(files, directory, plan.attempt.first_step, last);
}

/// The losses that the check compares with. Throws base::InputError when nothing can be checked.
Losses losses_to_repeat(base::FileSystem& files, const RepeatPlan& plan, const Path& run, std::int64_t last) {
  if (plan.options.program.given()) {
    throw base::InputError(str(run.string(),
                               " is a [program] run: what its program computes again is not Trireme's to ",
                               "judge; start it by the command above and compare its metrics.jsonl"));
  }
  if (!plan.missing.empty()) {
    throw base::InputError(str("nothing can be checked while something is missing",
                               plan.data_missing ? "; --data FILE names where a dataset is" : ""));
  }
  Losses there = losses_of(files, run, plan.attempt.first_step, last);
  if (there.empty()) throw base::InputError(str(run.string(), " has no losses after step ", plan.attempt.first_step));
  return there;
}

// What rounding may be in the run: the precision that was not given depends on the device.
double bound_of(const RepeatPlan& plan) {
  const std::string& given = plan.options.train.precision;
  return rounding_bound(!given.empty() ? given : plan.attempt.device == "cuda" ? "bf16" : "fp32");
}

int check(base::FileSystem& files, const RepeatPlan& plan, const Losses& there, std::int64_t steps) {
  const std::int64_t last = plan.attempt.first_step + steps;
  base::answer(str("training ", steps, " steps; what the training prints goes to ", plan.options.run.dir,
                   "/logs/reproduce.log"));
  base::finish_answers();
  const LossCheck result = compare_losses(there, train_here(files, plan, last), plan.comparable, steps, bound_of(plan));
  base::answer(result.text);
  if (!result.same() && result.compared > 0 && !plan.differences.empty())
    base::answer("what differs here is listed above, and may be why");
  return result.same() ? base::kExitDone : base::kExitFailed;
}

}  // namespace

int reproduce_command(const Arguments& arguments) {
  std::string directory;
  std::int64_t steps = 0;
  RepeatRequest request;
  std::vector<std::string> words;
  options::CommandLine line("reproduce", "repeats a run from its record, and can check that the losses are equal",
                            "trireme reproduce runs/bible -o again\ntrireme reproduce runs/bible -o again --check 20");
  line.value("output,o", directory, "DIR", "the directory of the new run").required();
  line.value("check", steps, "N", "train N steps here and compare their losses bit by bit; 0: only write the run file")
      .range(0, 1e9);
  line.value("attempt", request.attempt, "K", "attempt to repeat; 0: the first whose losses are still in metrics.jsonl")
      .range(0, 1e9);
  line.values("data", request.data, "FILE", "a dataset that may have moved; it is known by its fingerprint");
  line.value("tree", request.tree, "DIR", "the team's directory: look there too for datasets that have moved");
  line.positionals("RUN_DIR", words, "the run directory", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;
  base::PosixFileSystem files;
  request.run = words[0];
  request.directory = directory;
  const RepeatPlan plan = plan_repeat(files, request, record_of_here());
  say_differences(plan);
  Losses there;
  if (steps > 0) there = losses_to_repeat(files, plan, request.run, plan.attempt.first_step + steps);
  write_repeat(files, plan);
  say_commands(plan, request.run);
  return steps > 0 ? check(files, plan, there, steps) : base::kExitDone;
}

}  // namespace trireme::launcher
