// A run with two checkpoints on the real file system, one of which gets damaged, and what damages are made from.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "io/checkpoint/format/open_checkpoint.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::checkpoint::tests {

/// Four slots; one tensor large enough for a place of its own in the shard, small ones that are packed, a scalar.
std::vector<SampleTensor> damage_tensors();
/// To load all of them.
LoadOptions all_slots();

/// Steps 1 and 2 of two runs, each saved by two nodes. Step 2 of `run` is the one to damage; what others are for is to
/// take files from.
class DamageRun {
 public:
  using Path = std::filesystem::path;

  DamageRun();

  Path run() const { return directory_.path() / "run"; }
  Path newest() const { return run() / "checkpoints" / "step_2"; }
  Path older() const { return run() / "checkpoints" / "step_1"; }
  /// The same step, layout and lengths, other values.
  Path of_another_run() const { return directory_.path() / "another" / "checkpoints" / "step_2"; }
  /// `newest()` as it was saved.
  Path good() const { return directory_.path() / "good"; }
  /// A folder for things that damages point to.
  Path outside() const { return directory_.path() / "outside"; }

  /// newest() as it was opened before any damage.
  const OpenedCheckpoint& opened() const { return opened_; }
  /// MANIFEST.json, BOXES.bin and the shards of newest(): their names, and their bytes as they were saved.
  const std::map<std::string, std::string>& files() const { return files_; }

  /// Undoes damage to the bytes and the length of that file, or all damage when it is "": also after a resume has set
  /// the checkpoint aside.
  void repair(const std::string& file) const;

 private:
  trireme::tests::TemporaryDirectory directory_;
  OpenedCheckpoint opened_;
  std::map<std::string, std::string> files_;
};

}  // namespace trireme::checkpoint::tests
