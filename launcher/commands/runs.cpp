// trireme runs: a team's runs, listed, found, compared.
#include <algorithm>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/site_file.hpp"
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
  line.value("sort", wanted.sort, "KEY", "by what: the newest and the lowest loss come first")
      .one_of({"run", "when", "loss"});
  line.flag("json", wanted.json, "one JSON object instead of a table");
}

int show(const Wanted& wanted) {
  std::vector<Condition> conditions;
  for (const std::string& word : wanted.conditions) conditions.push_back(parse_condition(word));
  const bool asks_user = std::ranges::any_of(conditions, [](const Condition& one) { return one.key == "user"; });
  base::PosixFileSystem files;
  const std::string tree = wanted.tree.empty() ? options::default_team_tree().string() : wanted.tree;
  RunIndex index = index_runs(files, tree, own_run_cache(files));
  const std::size_t all = index.runs.size();
  std::erase_if(index.runs, [&](const IndexedRun& run) {
    const std::string user = asks_user ? user_of(run) : "";
    return !std::ranges::all_of(conditions, [&](const Condition& one) { return matches(one, run, user); });
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

}  // namespace

int runs_command(const Arguments& arguments) {
  return options::run_subcommand("runs", "trireme runs find model.layers=12 'loss<2.5'",
                                 {{"list", "the runs of a team's tree", list_command},
                                  {"find", "those that fulfil conditions", find_command},
                                  {"diff", "what differs between two runs", diff_command}},
                                 arguments);
}

}  // namespace trireme::launcher
