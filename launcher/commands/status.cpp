// trireme status: my runs from their directories and one call of squeue.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/run_directory/run_summary.hpp"
#include "launcher/submission/queue.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/job_list.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;

std::vector<Path> runs_here(base::FileSystem& files) {
  std::vector<Path> runs;
  if (!files.is_directory("runs")) return runs;
  for (const std::string& name : files.list("runs")) {
    if (is_run_directory(files, Path("runs") / name)) runs.push_back(Path("runs") / name);
  }
  return runs;
}

std::vector<Path> wanted_runs(base::FileSystem& files, const std::vector<std::string>& words) {
  if (words.empty()) return runs_here(files);
  std::vector<Path> runs;
  for (const std::string& word : words) {
    if (!files.exists(word)) throw base::InputError(base::str("there is no run directory ", word));
    if (!is_run_directory(files, word)) {
      throw base::InputError(base::str(word, " is no run directory: it holds no run.ini, attempts.jsonl or lease"));
    }
    Path path = std::filesystem::absolute(word).lexically_normal();
    runs.push_back(path.has_filename() ? path : path.parent_path());
  }
  return runs;
}

// Between two questions to the queue, as the site asks for.
double site_seconds(const std::string& named) {
  const auto file = options::find_site_file(named, slurm::environment_variable);
  return file ? static_cast<double>(options::load_site_file(*file).queue_seconds) : slurm::kQueueSeconds;
}

/// `seconds`: at least, between two questions to the queue. `clear`: draws over what a terminal showed before, with the
/// newest losses.
void look(base::FileSystem& files, const std::vector<std::string>& words, double seconds, bool json, bool clear) {
  const double now = base::wall_time();
  std::vector<RunFacts> facts;
  for (const Path& path : wanted_runs(files, words)) facts.push_back(read_run(files, path));
  for (const RunFacts& run : facts) seconds = std::max(seconds, run.queue_seconds);
  const auto queue = my_queue(files, seconds);
  std::vector<RunSummary> runs;
  for (const RunFacts& run : facts) {
    runs.push_back(summarise(run, queue.value_or(slurm::JobList{}), now));
    if (clear) runs.back().newest_losses = newest_losses(files, run.path);
  }
  if (json) {
    base::Json all = base::Json::array();
    for (const RunSummary& run : runs) all.push_back(to_json(run));
    base::answer_json({{"slurm", queue.has_value()}, {"runs", all}});
    return;
  }
  if (clear) base::control_terminal("\033[H\033[J");
  base::answer_text(runs.empty() ? "no runs below ./runs: name run directories, or start one with trireme train\n"
                                 : summary_table(runs));
}

}  // namespace

int status_command(const Arguments& arguments) {
  bool json = false, watch = false;
  std::string site;
  std::vector<std::string> words;
  options::CommandLine line("status",
                            "how runs stand, from their directories and the queue (asked once a minute at most)",
                            "trireme status\ntrireme status --watch runs/bible");
  line.flag("watch", watch, "again every 5 seconds, until Ctrl-C");
  line.flag("json", json, "one JSON object instead of a table");
  options::declare_site(line, site, "whose queue_seconds says how often the queue may be asked");
  line.positionals("RUN_DIR", words, "run directories; without any, those in ./runs", 0);
  if (!line.parse(arguments)) return base::kExitDone;
  base::PosixFileSystem files;
  const double seconds = std::max(slurm::kQueueSeconds, site_seconds(site));
  while (true) {
    look(files, words, seconds, json, watch && ::isatty(STDOUT_FILENO) == 1);
    if (!base::finish_answers() || !watch) return base::kExitDone;
    std::this_thread::sleep_for(std::chrono::seconds(5));
  }
}

}  // namespace trireme::launcher
