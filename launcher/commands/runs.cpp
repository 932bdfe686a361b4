// trireme runs: a team's runs, listed, found, compared, archived.
#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/output_file.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/console/cleanup_on_signal.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/repeat/archive.hpp"
#include "launcher/repeat/archive_writer.hpp"
#include "launcher/runs/run_diff.hpp"
#include "launcher/runs/run_filter.hpp"
#include "launcher/runs/run_index.hpp"
#include "launcher/runs/runs_text.hpp"

namespace trireme::launcher {
namespace {

using base::str;

struct Wanted {
  std::string tree, sort = "run";
  std::vector<std::string> conditions;
  bool json = false;
};

void declare(options::CommandLine& line, Wanted& wanted) {
  line.value("tree", wanted.tree, "DIR", "where to look; default: the site file's team_tree, else ./runs");
  line.value("sort", wanted.sort, "KEY", "by name, newest first, or lowest loss first").one_of({"run", "when", "loss"});
  line.flag("json", wanted.json, "one JSON object instead of a table");
}

int show(const Wanted& wanted) {
  std::vector<Condition> conditions;
  for (const std::string& word : wanted.conditions) conditions.push_back(parse_condition(word));
  base::PosixFileSystem files;
  const std::string tree = wanted.tree.empty() ? options::default_team_tree().string() : wanted.tree;
  RunIndex index = index_runs(files, tree, own_run_cache(files));
  const std::size_t all = index.runs.size();
  std::erase_if(index.runs, [&](const IndexedRun& run) {
    return !std::ranges::all_of(conditions, [&](const Condition& one) { return matches(one, run); });
  });
  sort_runs(index.runs, wanted.sort);
  if (wanted.json) {
    base::Json runs = base::Json::array();
    for (const IndexedRun& run : index.runs) runs.push_back(to_json(run));
    base::answer_json(
        {{"tree", index.tree.string()}, {"of", all}, {"read", index.read}, {"runs", runs}, {"notes", index.notes}});
    return base::kExitDone;
  }
  if (index.runs.empty()) {
    base::answer(all == 0 ? "no runs below " + index.tree.string()
                          : str("none of ", all, " runs below ", index.tree.string()));
  } else {
    base::answer_text(runs_table(index.runs));
  }
  for (const std::string& note : index.notes) base::print_note("note: " + note);
  return base::kExitDone;
}

int list_command(const Arguments& arguments) {
  Wanted wanted;
  options::CommandLine line("runs list", "the runs of a team's tree: whose, state, step, loss, and when",
                            "trireme runs list\ntrireme runs list --tree /scratch/team --sort when");
  declare(line, wanted);
  return line.parse(arguments) ? show(wanted) : base::kExitDone;
}

int find_command(const Arguments& arguments) {
  Wanted wanted;
  options::CommandLine line("runs find", "the runs of a team's tree that fulfil all conditions",
                            "trireme runs find model.layers=12 'optimizer.lr<1e-3' state=done\n"
                            "trireme runs find user=ada 'loss<2.5' data.train~web --tree /scratch/team");
  declare(line, wanted);
  line.positionals("CONDITION", wanted.conditions,
                   "KEY=VALUE with =, !=, <, <=, >, >= or ~ (holds the text); KEY: of the run file, or run, user, "
                   "state, note, step, steps, loss, attempt, dataset",
                   1);
  return line.parse(arguments) ? show(wanted) : base::kExitDone;
}

int diff_command(const Arguments& arguments) {
  bool json = false;
  std::vector<std::string> words;
  options::CommandLine line("runs diff", "what differs between two runs: options, data, versions, machines, results",
                            "trireme runs diff runs/a runs/b");
  line.flag("json", json, "one JSON object instead of a table");
  line.positionals("RUN_DIR", words, "two run directories", 2, 2);
  if (!line.parse(arguments)) return base::kExitDone;
  base::PosixFileSystem files;
  const auto differences = diff_runs(files, words[0], words[1]);
  if (json) {
    base::Json all = base::Json::array();
    for (const RunDifference& one : differences) all.push_back(to_json(one));
    base::answer_json({{"a", words[0]}, {"b", words[1]}, {"differences", all}});
  } else {
    base::answer_text(diff_table(differences, words[0], words[1]));
  }
  return base::kExitDone;
}

int archive_command(const Arguments& arguments) {
  std::string output;
  bool force = false;
  ArchiveRequest request;
  std::vector<std::string> words;
  options::CommandLine line("runs archive", "one file with a run's records and checkpoints; unpacked it is a run again",
                            "trireme runs archive runs/bible -o bible.tar.zst\n"
                            "trireme runs archive runs/bible -o bible.tar.gz --checkpoint best --logs");
  line.value("output,o", output, "FILE", "the archive to write: .tar.zst, .tar.gz or .tar").required();
  line.value("checkpoint", request.checkpoint, "WHICH", "newest, best (lowest validation loss), all, none, or a step");
  line.flag("logs", request.logs, "also what jobs and trainings printed (logs/*.log, .out, .err)");
  line.flag("force", force, "replace a file that is there already");
  line.positionals("RUN_DIR", words, "the run directory", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;
  request.run = words[0];
  const base::Overwrite overwrite = force ? base::Overwrite::kForced : base::Overwrite::kRefused;
  CleanupOnSignal cleanup;
  base::PosixFileSystem files;
  (void)compression_of(output);
  (void)chosen_checkpoints(files, request);
  base::TemporaryFile temporary = files.create_temporary(base::output_file(output, overwrite));
  cleanup.watch({temporary.path.string()});
  ArchiveResult result;
  try {
    result = write_archive(files, request, *temporary.file, output);
    temporary.file->sync();
    temporary.file->close();
    files.rename(temporary.path, base::output_file(output, overwrite));
  } catch (...) {
    std::error_code unknown;
    std::filesystem::remove(temporary.path, unknown);
    throw;
  }
  for (const std::string& left_out : result.left_out) base::print_warning("left out: " + left_out);
  std::string steps;
  for (const std::int64_t step : result.steps) steps += str(steps.empty() ? "" : ", ", "step_", step);
  base::answer(str("wrote ", output, ": ", result.files, " files, ", format_bytes(static_cast<double>(result.bytes)),
                   ", checkpoints: ", steps.empty() ? "none" : steps));
  return base::kExitDone;
}

}  // namespace

int runs_command(const Arguments& arguments) {
  return options::run_subcommand("runs", "trireme runs find model.layers=12 'loss<2.5'",
                                 {{"list", "the runs of a team's tree", list_command},
                                  {"find", "those that fulfil conditions", find_command},
                                  {"diff", "what differs between two runs", diff_command},
                                  {"archive", "a run's records and checkpoints in one file", archive_command}},
                                 arguments);
}

}  // namespace trireme::launcher
