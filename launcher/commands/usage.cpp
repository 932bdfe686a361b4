// trireme usage: who used how much of the cluster, what was lost, and who waited how long.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/terminal.hpp"
#include "base/user_name.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/usage/accounting.hpp"
#include "launcher/usage/run_record.hpp"
#include "launcher/usage/runs_below.hpp"
#include "launcher/usage/spared.hpp"
#include "launcher/usage/usage_report.hpp"
#include "launcher/usage/usage_text.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {
namespace {

constexpr double kDay = 86400;
constexpr double kPatience = 60;  // seconds for each question to the accounting
constexpr std::size_t kWidth = 100;

using base::str;

// Runs that two trees share count once.
FoundRuns find_runs(base::FileSystem& files, const std::vector<std::string>& trees) {
  FoundRuns all;
  std::set<std::filesystem::path> runs, sweeps;
  for (const std::string& tree : trees) {
    FoundRuns found = runs_below(files, tree);
    for (FoundRun& run : found.runs) {
      if (runs.insert(std::filesystem::weakly_canonical(run.path)).second) all.runs.push_back(std::move(run));
    }
    for (const auto& sweep : found.sweeps) {
      if (sweeps.insert(std::filesystem::weakly_canonical(sweep)).second) all.sweeps.push_back(sweep);
    }
    all.unreadable.insert(all.unreadable.end(), found.unreadable.begin(), found.unreadable.end());
    all.links += found.links;
  }
  return all;
}

/// What the sums leave out, in sentences.
std::vector<std::string> notes_on(const FoundRuns& found, const std::vector<RunRecord>& runs, std::size_t impossible) {
  std::vector<std::string> notes;
  if (!found.unreadable.empty()) {
    notes.push_back(str(found.unreadable.size(), " directories could not be read, the first is ",
                        found.unreadable.front().string()));
  }
  if (found.links > 0) {
    notes.push_back(str(found.links, " links to directories were not followed: name what they lead to with --tree"));
  }
  const auto unread = std::ranges::count_if(runs, [](const RunRecord& run) { return !run.problem.empty(); });
  const auto first = std::ranges::find_if(runs, [](const RunRecord& run) { return !run.problem.empty(); });
  if (unread > 0) notes.push_back(str(unread, " ledgers could not be read, the first: ", first->problem));
  if (impossible > 0) notes.push_back(str(impossible, " attempts with impossible times or numbers were left out"));
  return notes;
}

}  // namespace

int usage_command(const Arguments& arguments) {
  std::vector<std::string> trees;
  std::int64_t days = 30;
  bool json = false;
  options::CommandLine line("usage", "who used how much: hours used, lost and spared, waits in the queue, disk",
                            "trireme usage --days 7\ntrireme usage --tree /scratch/group --json");
  line.values("tree", trees, "DIR", "where to look for runs; default: here. May be given several times");
  line.value("days", days, "N", "how far to look back").range(1, 36500);
  line.flag("json", json, "one JSON object instead of tables");
  if (!line.parse(arguments)) return base::kExitDone;
  if (trees.empty()) trees.emplace_back(".");

  base::PosixFileSystem files;
  const double now = base::wall_time();
  const Span window{std::max(1.0, now - static_cast<double>(days) * kDay), now};
  const FoundRuns found = find_runs(files, trees);
  std::vector<RunRecord> runs = read_records(files, found.runs, now);
  const AskedAccounting accounting = ask_accounting(
      [](const std::vector<std::string>& words) { return slurm::run_command_within(kPatience, words); }, window.begin);
  name_records(runs, accounting.answers, base::user_name);
  const auto spared = spared_time(files, found.sweeps, runs, window);
  const UsageReport report = usage_report(runs, spared, accounting.answers, window);
  std::vector<std::string> notes = notes_on(found, runs, report.impossible);
  notes.insert(notes.end(), accounting.silent.begin(), accounting.silent.end());
  if (json) {
    base::Json all = to_json(report);
    all["sacct"] = accounting.answers.jobs.has_value();
    all["sshare"] = accounting.answers.shares.has_value();
    all["notes"] = notes;
    base::answer_json(all);
    return base::kExitDone;
  }
  base::answer_text(usage_text(report, base::terminal_columns(1).value_or(kWidth)));
  if (!notes.empty()) base::answer("");
  for (const std::string& note : notes) base::answer("note: " + base::printable(note));
  return base::kExitDone;
}

}  // namespace trireme::launcher
