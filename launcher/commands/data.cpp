// trireme data: names for a team's datasets.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/words.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/runs/run_index.hpp"
#include "launcher/team_data/registry.hpp"

namespace trireme::launcher {
namespace {

using base::str;

std::string tree_of(const std::string& given) { return given.empty() ? options::default_team_tree().string() : given; }

void declare_tree(options::CommandLine& line, std::string& tree) {
  line.value("tree", tree, "DIR", "the team's directory; default: the site file's team_tree, else ./runs");
}

// Whether the run looks team:NAME up in another tree than this one.
bool asks_another_team(const IndexedRun& run, const std::filesystem::path& tree) {
  const std::filesystem::path asked = std::string(run.option("data.tree").value_or(""));
  return asked.is_absolute() && std::filesystem::weakly_canonical(asked) != tree;
}

// The runs below the tree that read the dataset: by its name or its file, which an attempt will read, or by its
// fingerprint, which one has read.
std::vector<const IndexedRun*> readers_of(const TeamDataset& dataset, const RunIndex& index) {
  std::vector<const IndexedRun*> readers;
  for (const IndexedRun& run : index.runs) {
    const bool reads = std::ranges::any_of(run.datasets, [&](const IndexedDataset& one) {
      if (!one.fingerprint.empty() && one.fingerprint == dataset.fingerprint) return true;
      if (!dataset.path.empty() && (one.name == dataset.path || one.path == dataset.path)) return true;
      return one.name == std::string(options::kTeamPrefix) + dataset.name && !asks_another_team(run, index.tree);
    });
    if (reads) readers.push_back(&run);
  }
  return readers;
}

std::vector<const IndexedRun*> unfinished(std::vector<const IndexedRun*> runs) {
  std::erase_if(runs, [](const IndexedRun* run) { return run->finished; });
  return runs;
}

int add_command(const Arguments& arguments) {
  std::string name, tree;
  std::vector<std::string> words;
  options::CommandLine line("data add", "gives a token dataset a name for the whole team; the file stays where it is",
                            "trireme data add web.h5 --name web-v2");
  line.value("name", name, "NAME", "letters, digits, '-', '_' and '.'; runs read it as team:NAME").required();
  declare_tree(line, tree);
  line.positionals("DATA.h5", words, "the token dataset", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;
  base::PosixFileSystem files;
  const TeamDataset dataset = describe_for_team(files, name, words[0]);
  const bool added = add_to_team(files, tree_of(tree), dataset);
  base::answer(str(added ? "added " : "there already: ", "team:", name, " = ", dataset.path, " (",
                   format_bytes(static_cast<double>(dataset.bytes)), ", ",
                   format_count(static_cast<double>(dataset.tokens)), " tokens, fingerprint ", dataset.fingerprint,
                   ")"));
  return base::kExitDone;
}

std::string users_of(const std::vector<const IndexedRun*>& readers) {
  std::set<std::string> users;
  for (const IndexedRun* run : readers) users.insert(run->user);
  return users.empty() ? "-" : base::join({users.begin(), users.end()});
}

int list_command(const Arguments& arguments) {
  std::string tree;
  bool json = false;
  options::CommandLine line("data list", "a team's datasets: size, fingerprint, and which runs read them",
                            "trireme data list --tree /scratch/team");
  declare_tree(line, tree);
  line.flag("json", json, "one JSON object instead of a table");
  if (!line.parse(arguments)) return base::kExitDone;
  base::PosixFileSystem files;
  const RunIndex index = index_runs(files, tree_of(tree), own_run_cache(files));
  std::vector<std::vector<std::string>> rows = {
      {"name", "tokens", "size", "fingerprint", "added by", "runs", "unfinished", "users", "file"}};
  base::Json all = base::Json::array();
  for (const TeamDataset& dataset : team_datasets(files, tree_of(tree))) {
    const auto readers = readers_of(dataset, index);
    const auto open = unfinished(readers);
    rows.push_back(
        {dataset.name, format_count(static_cast<double>(dataset.tokens)),
         format_bytes(static_cast<double>(dataset.bytes)), dataset.fingerprint.empty() ? "-" : dataset.fingerprint,
         dataset.added_by.empty() ? "-" : dataset.added_by, std::to_string(readers.size()), std::to_string(open.size()),
         users_of(readers), dataset.problem.empty() ? dataset.path : dataset.problem});
    base::Json one = to_json(dataset);
    one["added_by"] = dataset.added_by;
    one["problem"] = dataset.problem;
    one["runs"] = base::Json::array();
    for (const IndexedRun* run : readers)
      one["runs"].push_back(
          {{"run", run->path}, {"user", run->user}, {"state", run->state}, {"finished", run->finished}});
    all.push_back(one);
  }
  if (json) {
    base::answer_json({{"tree", index.tree.string()}, {"datasets", all}, {"notes", index.notes}});
    return base::kExitDone;
  }
  base::answer_text(rows.size() > 1 ? format_table(rows, {.right = {1, 2, 5, 6}, .spare = {4, 2, 3, 7}})
                                    : str("no datasets in ", index.tree.string(), "/data: trireme data add\n"));
  for (const std::string& note : index.notes) base::print_note("note: " + note);
  return base::kExitDone;
}

int remove_command(const Arguments& arguments) {
  std::string tree;
  bool force = false;
  std::vector<std::string> words;
  options::CommandLine line("data remove", "takes a dataset's name away; the file stays where it is",
                            "trireme data remove web-v1");
  declare_tree(line, tree);
  line.flag("force", force, "also while runs that are not finished read it, or may do so");
  line.positionals("NAME", words, "the dataset's name", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;
  base::PosixFileSystem files;
  if (!force) {
    const auto datasets = team_datasets(files, tree_of(tree));
    const auto found = std::ranges::find(datasets, words[0], &TeamDataset::name);
    const RunIndex index = index_runs(files, tree_of(tree), own_run_cache(files));
    const auto open =
        found == datasets.end() ? std::vector<const IndexedRun*>{} : unfinished(readers_of(*found, index));
    if (!open.empty()) {
      std::vector<std::string> names;
      for (const IndexedRun* run : open) {
        if (names.size() < 5) names.push_back(str(run->path, " (", run->state, ")"));
      }
      throw base::InputError(str("team:", words[0], " is read by ", open.size(), open.size() == 1 ? " run" : " runs",
                                 " that ", open.size() == 1 ? "is" : "are", " not finished: ", base::join(names),
                                 open.size() > names.size() ? ", …" : "", "; --force removes the name all the same"));
    }
    for (const std::string& note : index.notes) base::print_note("note: " + note);
    if (index.unreadable > 0) {
      throw base::InputError(str("runs that read team:", words[0], " may be in directories below ", index.tree.string(),
                                 " that could not be read; --force removes the name all the same"));
    }
  }
  remove_from_team(files, tree_of(tree), words[0]);
  base::answer(str("removed the name team:", words[0], "; its file stays"));
  return base::kExitDone;
}

}  // namespace

int data_command(const Arguments& arguments) {
  return options::run_subcommand("data", "trireme data add web.h5 --name web-v2",
                                 {{"add", "gives a dataset a name for the team", add_command},
                                  {"list", "the team's datasets and which runs read them", list_command},
                                  {"remove", "takes a name away", remove_command}},
                                 arguments);
}

}  // namespace trireme::launcher
