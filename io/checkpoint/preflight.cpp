#include "io/checkpoint/preflight.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/verify.hpp"
#include "io/checkpoint/writer.hpp"

namespace trireme::checkpoint {
namespace {

std::string gigabytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GB", static_cast<double>(bytes) / 1e9);
  return text;
}

std::string save_and_read_back(Coordinator& coordinator, base::FileSystem& files, const std::filesystem::path& where) {
  const std::vector<float> value(1, 1.0F);
  const std::string name = base::str("node_", coordinator.node());
  const std::vector<StoredBox> boxes = {
      {Kind::kParam, name, {1}, DataType::kFloat32, topology::whole({1}), value.data()}};
  SaveInfo info;
  info.directory = where;
  info.shards_per_node = 1;
  info.token = "preflight";
  info.latest = false;
  const SaveResult saved = Writer(coordinator, files).save(info, boxes);
  if (!saved.ok) return saved.error;
  return together(coordinator, [&] {
    if (coordinator.rank() != 0) return;
    const VerifyResult read = verify(files, saved.path, false, 1);
    if (!read.findings.empty()) {
      throw base::Error(base::str("what was written to ", saved.path.string(), " reads back differently: ",
                                  read.findings[0].subject, ": ", read.findings[0].problem));
    }
  });
}

}  // namespace

std::string lacking_space(const base::Space& space, const SpaceNeed& need) {
  const auto missing = static_cast<std::uint64_t>(std::max<std::int64_t>(1, need.keep + 1 - need.existing));
  const std::string why =
      base::str(missing, " of the ", need.keep + 1,
                " checkpoints that are there while one is written (checkpoint.keep = ", need.keep, ")");
  if (space.bytes < missing * need.checkpoint_bytes) {
    return base::str(gigabytes(space.bytes), " are free, but ", why, " need ",
                     gigabytes(missing * need.checkpoint_bytes));
  }
  if (space.files && *space.files < missing * need.checkpoint_files) {
    return base::str(*space.files, " more files fit, but ", why, " are ", missing * need.checkpoint_files, " files");
  }
  return "";
}

std::string try_to_commit(Coordinator& coordinator, base::FileSystem& files,
                          const std::filesystem::path& run_directory) {
  const std::filesystem::path where = run_directory / kPreflightName;
  const auto clear = [&] {
    return together(coordinator, [&] {
      if (coordinator.rank() == 0) files.remove_all(where);
    });
  };
  std::string failure = clear();
  if (failure.empty()) failure = save_and_read_back(coordinator, files, where);
  const std::string left = clear();
  return failure.empty() ? left : failure;
}

}  // namespace trireme::checkpoint
