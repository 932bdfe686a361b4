// A run that gives the losses of another one again: its run file, what differs on this machine, and the command.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/record/attempt_record.hpp"
#include "launcher/repeat/history.hpp"

namespace trireme::launcher {

struct RepeatRequest {
  std::filesystem::path run;        ///< the run directory to repeat
  std::filesystem::path directory;  ///< of the new run
  std::int64_t attempt = 0;         ///< whose options are taken; 0: the first one whose losses still stand
  std::vector<std::string> data;    ///< files in which missing datasets may be
  std::string tree;                 ///< the team's directory, in which they may be too; "": the run's, else the usual
};

struct RepeatPlan {
  AttemptRecord attempt;                 ///< that is repeated
  options::RunOptions options;           ///< of the new run; every path is absolute
  std::vector<std::string> differences;  ///< between that attempt and this machine
  std::vector<std::string> history;      ///< what changed while the run ran
  std::vector<std::string> missing;      ///< datasets and weights that were not found; the run cannot start
  bool data_missing = false;             ///< whether datasets are among them
  std::string cpus;  ///< "0-3": those that give each rank the threads that it had; "": all that are here
  Comparable comparable;
  std::optional<std::filesystem::path> checkpoint;  ///< that the new run goes on from; nothing: from its first step
  std::vector<std::string> variables;               ///< "NAME=value", to be set for the new run
};

/// Reads the record of the run; its file must belong to this user, to root or to the owner of the directory. `here`:
/// record_of_here(). Throws base::InputError when there is no record, no such attempt, or nothing that it can start
/// from.
RepeatPlan plan_repeat(base::FileSystem& files, const RepeatRequest& request, const AttemptRecord& here);

/// Copies the checkpoint, if there is one, and writes <directory>/run.ini. Throws base::InputError when the directory
/// holds anything but these two already. Errors as checkpoint::copy(), which leaves no half copy.
void write_repeat(base::FileSystem& files, const RepeatPlan& plan);

/// The words that start the new run: taskset for fewer CPUs, mpirun for several ranks.
std::vector<std::string> repeat_words(const RepeatPlan& plan, const std::string& program);

}  // namespace trireme::launcher
