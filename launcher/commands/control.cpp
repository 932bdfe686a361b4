// trireme stop | save | resume RUN_DIR: leaves a wish in the run directory and says what will come of it.
#include <cerrno>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "slurm/job/control_files.hpp"

namespace trireme::launcher {
namespace {

using slurm::Wish;
using Path = std::filesystem::path;

/// The run directory that the words name; nothing when only --help was asked for.
std::optional<Path> parse(const char* name, const char* summary, const Arguments& arguments) {
  std::vector<std::string> words;
  options::CommandLine line(name, summary, base::str("trireme ", name, " runs/bible"));
  line.positionals("RUN_DIR", words, "the run's directory; whoever may write to it may ask", 1, 1);
  if (!line.parse(arguments)) return std::nullopt;
  base::PosixFileSystem files;
  if (!files.exists(words[0])) throw base::InputError(base::str("there is no run directory ", words[0]));
  if (!is_run_directory(files, words[0])) {
    throw base::InputError(base::str(words[0], " is no run directory: it holds no run.ini, attempts.jsonl or lease"));
  }
  Path path = Path(words[0]).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

base::Error not_allowed(const Path& run, const base::IoError& error) {
  if (error.code() != EACCES && error.code() != EPERM && error.code() != EROFS) return base::Error(error.what());
  return base::Error(base::str("you may not write to ", (run / "control").string(),
                               ": ask the run's owner to let your group write there (chmod g+w)"));
}

void leave(base::FileSystem& files, const Path& run, Wish wish) {
  try {
    slurm::leave_request(files, run, wish, slurm::user_name(), base::wall_time());
  } catch (const base::IoError& error) {
    throw not_allowed(run, error);
  }
}

bool withdraw(base::FileSystem& files, const Path& run, Wish wish) {
  try {
    return slurm::take_back(files, run, wish);
  } catch (const base::IoError& error) {
    throw not_allowed(run, error);
  }
}

std::string job_name(const RunFacts& facts) {
  if (!facts.lease_job.empty() && facts.lease_job != "local") return "job " + facts.lease_job;
  return "attempt " + std::to_string(facts.attempts.empty() ? 1 : facts.attempts.back().number);
}

bool is_done(const RunFacts& facts) {
  return !facts.attempts.empty() && facts.attempts.back().ended && facts.attempts.back().end.reason == "done";
}

}  // namespace

int stop_command(const Arguments& arguments) {
  const auto run = parse("stop", "asks a run to save and end, and to stay stopped until `trireme resume`", arguments);
  if (!run) return base::kExitDone;
  base::PosixFileSystem files;
  const RunFacts facts = read_run(files, *run);
  leave(files, *run, Wish::kStop);
  if (facts.alive) {
    base::answer(base::str(job_name(facts), " is running: it saves at the end of its step and ends with exit code 75"));
  } else if (is_done(facts)) {
    base::answer("the run is done: nothing runs that could stop; a later attempt will end as soon as it starts");
  } else {
    base::answer("nothing is running: an attempt that is queued, or started later, ends as soon as it starts");
  }
  base::answer(base::str("to take it back: trireme resume ", run->string()));
  return base::kExitDone;
}

int save_command(const Arguments& arguments) {
  const auto run = parse("save", "asks a run to save at the end of its step and go on", arguments);
  if (!run) return base::kExitDone;
  base::PosixFileSystem files;
  const RunFacts facts = read_run(files, *run);
  if (!facts.alive && is_done(facts)) {
    throw base::Error(base::str("the run in ", run->string(), " is done and saved: there is nothing to ask for"));
  }
  leave(files, *run, Wish::kSave);
  base::answer(facts.alive ? base::str(job_name(facts), " is running: it saves at the end of its step and goes on")
                           : "nothing is running: the next attempt saves after its first step");
  return base::kExitDone;
}

int resume_command(const Arguments& arguments) {
  const auto run = parse("resume", "takes a stop back, and says what else the run needs to go on", arguments);
  if (!run) return base::kExitDone;
  base::PosixFileSystem files;
  const bool taken = withdraw(files, *run, Wish::kStop);
  const RunFacts facts = read_run(files, *run);
  base::answer(taken ? "the stop was taken back" : "no stop was asked for");
  if (facts.alive) {
    base::answer(
        base::str(job_name(facts), " is running", taken ? "; if it already saw the stop, it ends all the same" : ""));
  } else if (is_done(facts)) {
    base::answer("the run is done");
  } else {
    base::answer(
        "nothing is running: a job that is still queued (trireme status) goes on by itself, else submit the run again");
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
