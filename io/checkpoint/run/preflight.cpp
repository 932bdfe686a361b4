#include "io/checkpoint/run/preflight.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/save/writer.hpp"
#include "io/checkpoint/tools/verify.hpp"

namespace trireme::checkpoint {
namespace {

std::string gigabytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g GB", static_cast<double>(bytes) / 1e9);
  return text;
}

/// The limit that leaves the least room, and the name of its quota; "" = the file system itself.
struct Room {
  std::optional<std::uint64_t> bytes;
  std::string bytes_quota;
  std::optional<std::uint64_t> files;
  std::string files_quota;
};

Room least_room(const std::optional<base::Space>& space, const std::vector<Quota>& quotas) {
  Room room;
  if (space) room = {space->bytes, "", space->files, ""};
  for (const Quota& quota : quotas) {
    if (quota.bytes_left && (!room.bytes || *quota.bytes_left < *room.bytes)) {
      room.bytes = quota.bytes_left;
      room.bytes_quota = quota.name;
    }
    if (quota.files_left && (!room.files || *quota.files_left < *room.files)) {
      room.files = quota.files_left;
      room.files_quota = quota.name;
    }
  }
  return room;
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
    const VerifyResult read = verify(files, saved.path, ShardCheck::kBytes, 1);
    if (!read.findings.empty()) {
      throw base::Error(base::str("what was written to ", saved.path.string(), " reads back differently: ",
                                  read.findings[0].subject, ": ", read.findings[0].problem));
    }
  });
}

}  // namespace

std::string lacking_space(const std::optional<base::Space>& space, const std::vector<Quota>& quotas,
                          const SpaceNeed& need) {
  const auto missing = static_cast<std::uint64_t>(std::max<std::int64_t>(1, need.keep + 1 - need.existing));
  const std::string why = base::str(missing, missing == 1 ? " more checkpoint" : " more checkpoints",
                                    " (checkpoint.keep = ", need.keep, ", plus the one being written)");
  const Room room = least_room(space, quotas);
  if (room.bytes && *room.bytes < missing * need.checkpoint_bytes) {
    const std::string left = gigabytes(*room.bytes);
    return base::str(room.bytes_quota.empty() ? left + " are free" : room.bytes_quota + " leaves " + left, ", but ",
                     why, missing == 1 ? " needs " : " need ", gigabytes(missing * need.checkpoint_bytes));
  }
  if (room.files && *room.files < missing * need.checkpoint_files) {
    return base::str(room.files_quota.empty() ? base::str(*room.files, " more files fit")
                                              : base::str(room.files_quota, " leaves ", *room.files, " files"),
                     ", but ", why, missing == 1 ? " is " : " are ", missing * need.checkpoint_files, " files");
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
