// trireme stop | save | resume RUN_DIR: leaves a request in the run directory, or lifts one, and says what comes of it.
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/own_file.hpp"
#include "base/user_name.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/run_directory/submission_record.hpp"
#include "launcher/submission/resubmission.hpp"
#include "launcher/submission/resume_step.hpp"
#include "launcher/submission/sbatch.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/queue.hpp"

namespace trireme::launcher {
namespace {

using slurm::Wish;
using Path = std::filesystem::path;

/// The command line of stop, save or resume, and the run directory that it names.
struct Line {
  std::vector<std::string> words;
  options::CommandLine line;

  Line(const char* name, const char* summary) : line(name, summary, base::str("trireme ", name, " runs/bible")) {
    line.positionals("RUN_DIR", words, "the run's directory; whoever may write to its control/ may ask", 1, 1);
  }

  /// Nothing when only --help was asked for.
  std::optional<Path> parse(const Arguments& arguments) {
    if (!line.parse(arguments)) return std::nullopt;
    base::PosixFileSystem files;
    if (!files.exists(words[0])) throw base::InputError(base::str("there is no run directory ", words[0]));
    if (!is_run_directory(files, words[0])) {
      throw base::InputError(base::str(words[0], " is no run directory: it holds no run.ini, attempts.jsonl or lease"));
    }
    Path path = Path(words[0]).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
  }
};

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

// The script must be this user's own: what others may have put there is not to run in their name.
void find_script(base::FileSystem& files, ResumeFacts& facts) {
  const Path run = facts.run.path, script = run / kBatchScript;
  if (!files.exists(script)) return;
  const bool ours = files.owner(script) == ::geteuid();
  facts.script = ours && !first_unwritable(run) ? ScriptState::kOurs : ScriptState::kAnothers;
  if (ours) facts.of_array = base::read_own(files, script).find("\n#SBATCH --array=") != std::string::npos;
  const auto user = files.owner(ours ? run : script);
  facts.owner = user ? base::user_name(*user) : "them";
}

RunInQueue ask_queue(const RunFacts& facts) {
  const auto command = known_jobs_command(submitters_of({{"", "", facts.path.string()}}));
  const auto answer = slurm::run_command(command);
  if (!answer) return {RunInQueue::Answer::kNoSlurm, "", {}};
  const std::string cluster = slurm::cluster_name(slurm::run_command, slurm::read_job_environment().cluster);
  if (answer->exit_code != 0) return {RunInQueue::Answer::kNone, cluster, {}};
  return {RunInQueue::Answer::kGiven, cluster, jobs_of_run(parse_known_jobs(answer->output), facts)};
}

ResumeFacts resume_facts(base::FileSystem& files, const Path& run, bool lifted) {
  ResumeFacts facts;
  facts.directory = run.string();
  facts.run = read_run(files, run);
  facts.lifted = lifted;
  facts.run_file = files.exists(run / "run.ini");
  if (facts.run.alive || is_finished(facts.run)) return facts;
  find_script(files, facts);
  if (!facts.run.attempts.empty()) {
    try {
      facts.outcome = slurm::read_outcome(files, run, facts.run.attempts.back().number);
    } catch (const base::IoError&) {
      // Another user's, not readable: as if there were none.
    }
  }
  if (facts.script != ScriptState::kMissing || was_in_slurm(facts.run)) facts.queue = ask_queue(facts.run);
  return facts;
}

// The script as it stands: what was checked when it was written is what the new job gets.
void submit_again(base::FileSystem& files, const RunFacts& run, const ResumeStep& step, const std::string& cluster) {
  const Path script = run.path / kBatchScript;
  std::vector<std::string> jobs;
  std::string before = step.behind;
  while (jobs.size() < step.links) {
    std::vector<std::string> settings;
    if (step.of_array) settings.emplace_back("--array=0");
    if (!before.empty()) settings.push_back(after(before));
    before = submit_script(settings, {}, script) + (step.of_array ? "_0" : "");
    base::answer(jobs.empty()
                     ? base::str("job       ", before, ": goes on after step ", run.saved_step)
                     : base::str("then      job ", before, ", after the one before has ended for whatever reason"));
    jobs.push_back(before);
  }
  SubmissionRecord record = run.submission;
  record.jobs = jobs;
  record.cluster = cluster;
  keep_submission(files, run.path, record);
  base::answer("script    " + script.string());
  base::answer(base::str("follow    tail -F ", (run.path / "logs" / ("job." + jobs.front() + ".log")).string()));
}

}  // namespace

int stop_command(const Arguments& arguments) {
  Line command("stop", "asks a run to save and end, and to stay stopped until `trireme resume`");
  const auto run = command.parse(arguments);
  if (!run) return base::kExitDone;
  base::PosixFileSystem files;
  const RunFacts facts = read_run(files, *run);
  leave(files, *run, Wish::kStop);
  if (facts.alive) {
    base::answer(base::str(holder_text(facts),
                           facts.program ? " is running: its program is asked to save and end"
                                         : " is running: it saves at the end of its step and ends with exit code 75"));
  } else if (is_finished(facts)) {
    base::answer("the run is done: nothing runs that could stop; a later attempt will end as soon as it starts");
  } else {
    base::answer("nothing is running: an attempt that is queued, or started later, ends as soon as it starts");
  }
  base::answer(base::str("to go on later: trireme resume ", run->string()));
  return base::kExitDone;
}

int save_command(const Arguments& arguments) {
  Line command("save", "asks a run to save at the end of its step and go on");
  const auto run = command.parse(arguments);
  if (!run) return base::kExitDone;
  base::PosixFileSystem files;
  const RunFacts facts = read_run(files, *run);
  if (!facts.alive && is_finished(facts)) {
    throw base::Error(base::str("the run in ", run->string(), " is done and saved: there is nothing to ask for"));
  }
  if (!facts.can_save) {
    throw base::InputError(base::str(
        "the program of the run in ", run->string(),
        " cannot be asked to save: set program.save_signal to a signal that it handles, from ", "its next start on"));
  }
  leave(files, *run, Wish::kSave);
  if (facts.program) {
    base::answer(facts.alive ? base::str(holder_text(facts), " is running: its program is asked to save and go on")
                             : "nothing is running: the next attempt asks its program once it runs");
    return base::kExitDone;
  }
  base::answer(facts.alive ? base::str(holder_text(facts), " is running: it saves at the end of its step and goes on")
                           : "nothing is running: the next attempt saves after its first step");
  return base::kExitDone;
}

int resume_command(const Arguments& arguments) {
  bool only_lift = false;
  Line command("resume", "lifts the stop of a run, and submits it again when no job of it is queued or running");
  command.line.flag("no-submit", only_lift, "only lift the stop");
  const auto run = command.parse(arguments);
  if (!run) return base::kExitDone;
  base::PosixFileSystem files;
  const bool lifted = withdraw(files, *run, Wish::kStop);
  base::answer(lifted ? "the stop was lifted" : "no stop was asked for");
  if (only_lift) return base::kExitDone;
  const ResumeFacts facts = resume_facts(files, *run, lifted);
  const ResumeStep step = decide_resume(facts);
  if (step.kind == ResumeStep::Kind::kUnknown) throw base::Error(step.text);
  base::answer(step.text);
  if (step.kind == ResumeStep::Kind::kSubmit) submit_again(files, facts.run, step, facts.queue.cluster);
  return base::kExitDone;
}

}  // namespace trireme::launcher
