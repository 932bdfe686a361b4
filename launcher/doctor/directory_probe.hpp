// Whether all ranks see one and the same run directory. Every rank writes a small file and looks for rank 0's; rank 0
// looks for everyone's. What this makes is gone afterwards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "collectives/communicator.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// Names of the files begin with it: ".doctor.<seconds since the epoch>-<process>".
std::string probe_prefix(std::int64_t seconds, std::int64_t process);

/// A file that an earlier doctor left behind when it was killed: an hour old or more by `now` (seconds since the
/// epoch).
bool is_leftover(const std::string& name, std::int64_t now);

class DirectoryProbe {
 public:
  /// Collective. Rank 0 makes the directory where it is missing, and removes leftovers. base::InputError on all ranks
  /// when rank 0 finds something else than a directory there.
  DirectoryProbe(collectives::Communicator& control, base::FileSystem& files, std::filesystem::path directory);
  /// Removes this rank's files; errors are dropped.
  ~DirectoryProbe();
  DirectoryProbe(const DirectoryProbe&) = delete;
  DirectoryProbe& operator=(const DirectoryProbe&) = delete;

  /// Collective: the views of all ranks on rank 0, nothing on the others. A file that is not there yet is waited for,
  /// up to `patience` seconds: network file systems show new names late.
  std::vector<DirectoryView> look(double patience);
  /// Local: removes this rank's files; errors are dropped. Safe beside other calls.
  void remove_own() const noexcept;
  /// Collective: removes every rank's files, then the directories that the constructor made.
  void close();

  /// Where rank `owner` puts its larger file; this rank's own is removed with the rest.
  std::filesystem::path data_file(int owner) const;
  /// Of rank 0: whether the directory was there before.
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
  std::vector<std::filesystem::path> made_;  ///< directories, the innermost last
  bool was_there_ = true;
  bool writes_ = false;
  std::string cannot_make_;
};

}  // namespace trireme::doctor
