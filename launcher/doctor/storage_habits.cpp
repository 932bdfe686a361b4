#include "launcher/doctor/storage_habits.hpp"

#include "base/error.hpp"

namespace trireme::doctor {
namespace {

using base::str;

/// With this many shards or more, one storage target for each keeps the targets of most sites busy.
constexpr std::size_t kManyFiles = 32;

/// From the Lustre Operations Manual, "Managing File Layout (Striping) and Free Space". A stripe of 4 MiB is one of our
/// write requests (docs/checkpoints.md); small files lie within the first 64 MiB, which one target serves best.
std::vector<std::string> on_lustre(const Survey& survey) {
  const bool many = survey.ranks.size() >= kManyFiles;
  const std::string& directory = survey.directory;
  const std::string layout = many ? "-c 1 -S 4M" : "-E 64M -c 1 -S 4M -E -1 -c 4 -S 4M";
  return {str("Lustre: new files take the striping of their directory: lfs setstripe ", layout, " ", directory,
              many ? " puts every shard on one storage target; with so many shards all targets are busy"
                   : " spreads the few large shards over four storage targets each and leaves small files on one",
              "; do it before the first save (lfs getstripe -d ", directory, " shows what holds now)"),
          str("Lustre: one full storage target fails a save although the file system has room: lfs df -h ", directory,
              " shows each")};
}

std::vector<std::string> on_gpfs(const Survey& survey) {
  return {str("GPFS: it stripes by itself, in blocks (df ", survey.directory,
              " names the device, mmlsfs DEVICE -B the block size); long pieces are written in requests of 4 MiB that "
              "begin at multiples of that, and no two nodes write into one file, so there is nothing to set")};
}

std::vector<std::string> on_nfs(const Survey& survey) {
  return {str(
      "NFS: one server takes the shards of all ", survey.nodes.size(), survey.nodes.size() == 1 ? " node" : " nodes",
      "; a mount with the option soft (grep nfs /proc/mounts) gives up on a busy server, and the save fails with "
      "an I/O error: ask for hard")};
}

std::vector<std::string> in_memory(const Survey& survey, const std::string& name) {
  return {str(name, ": checkpoints in ", survey.directory,
              " are in the node's memory: they count against the job's limit and are gone with the node; choose a "
              "run.dir on a disk for a run that is to be resumed")};
}

}  // namespace

std::vector<std::string> storage_habits(const Survey& survey) {
  if (survey.views.empty()) return {};
  const std::string& name = survey.views.front().file_system;
  if (name == "lustre") return on_lustre(survey);
  if (name == "gpfs") return on_gpfs(survey);
  if (name == "nfs") return on_nfs(survey);
  if (name == "tmpfs" || name == "ramfs") return in_memory(survey, name);
  return {};
}

}  // namespace trireme::doctor
