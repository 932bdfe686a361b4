// Checks whether all ranks see the same run directory: every rank writes a small file and looks for rank 0's, and rank
// 0 looks for everyone's. Everything that this makes is removed afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "collectives/communicator.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// How the names of the files begin: ".doctor.<seconds since the epoch>-<process>".
std::string probe_prefix(std::int64_t seconds, std::int64_t process);

/// Whether an earlier doctor that was killed left the file: it is an hour old or more at `now` (seconds since the
/// epoch).
bool is_leftover(const std::string& name, std::int64_t now);

class DirectoryProbe {
 public:
  /// Collective. Rank 0 makes the directory if it is missing, and removes leftovers. Throws base::InputError on all
  /// ranks when rank 0 finds something other than a directory there.
  DirectoryProbe(collectives::Communicator& control, base::FileSystem& files, const std::filesystem::path& directory);
  /// Removes this rank's files; errors are dropped.
  ~DirectoryProbe();
  DirectoryProbe(const DirectoryProbe&) = delete;
  DirectoryProbe& operator=(const DirectoryProbe&) = delete;

  /// Collective: returns the views of all ranks on rank 0, and nothing on the others. Waits up to `patience` seconds
  /// for a file that is not there yet, since network file systems show new names late.
  std::vector<DirectoryView> look(double patience);
  /// Local: removes this rank's files and ignores errors. It may run at the same time as other calls.
  void remove_own() const noexcept;
  /// Collective: removes every rank's files, then the directories that the constructor made.
  void close();

  /// The path of rank `owner`'s larger file; this rank's own is removed with the rest.
  std::filesystem::path data_file(int owner) const;
  /// On rank 0: whether the directory existed before.
  bool was_there() const { return was_there_; }
  /// After look(): whether this rank could write.
  bool writes() const { return writes_; }

 private:
  std::filesystem::path small_file(int owner) const;
  void prepare();
  DirectoryView own_view(double patience);

  collectives::Communicator& control_;
  base::FileSystem& files_;
  std::filesystem::path directory_;
  std::string prefix_;
  std::vector<std::filesystem::path> made_;  ///< the directories that were made, the innermost last
  bool was_there_ = true;
  bool writes_ = false;
  std::string cannot_make_;
};

}  // namespace trireme::doctor
