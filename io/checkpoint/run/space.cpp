#include "io/checkpoint/run/space.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"

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

}  // namespace trireme::checkpoint
