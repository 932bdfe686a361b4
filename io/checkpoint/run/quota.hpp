// Reads quotas from what the file systems' own programs print. Pure functions of the text.
//
// lfs quota: lfs-quota(1) of Lustre. quota -w -p: quota(1) of linuxquota. mmlsquota -Y: the command reference of IBM
// Storage Scale; its columns go by the header's names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trireme::checkpoint {

/// The user, groups and directory whose quotas count.
struct QuotaOwner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;    ///< the group that new files get
  std::string source;       ///< what is mounted: "/dev/sda1", "server:/export", "gpfs0"
  std::string mount_point;  ///< "/scratch"
  std::string fileset;      ///< GPFS only; "" = not known
  std::int64_t now = 0;     ///< seconds since the epoch, to tell which grace periods are over
};

/// What a quota leaves. A user may fill the hard limit, so that one counts. The soft limit counts where there is no
/// hard one, and once its grace period is over: then the system takes nothing more, and 0 is left.
struct Quota {
  std::string name;                         ///< "your quota on /scratch", "the quota of group 500 on /scratch"
  std::optional<std::uint64_t> bytes_left;  ///< nothing = no limit
  std::optional<std::uint64_t> files_left;
};

/// Parses the answer of `lfs quota -u|-g|-p ID DIR`: its one summary row, also when its name has a line of its own. A
/// value in brackets (a server did not answer) is taken as it stands. Empty when there is no such row or it has no
/// limit.
std::vector<Quota> parse_lfs_quota(const std::string& text, const QuotaOwner& owner);

/// The project id that `lfs project -d DIR` prints first; nothing when it is 0 or missing.
std::optional<std::uint32_t> parse_lfs_project(const std::string& text);

/// Parses the answer of `quota -w -p -v -u` or `-g`: the rows of the owner's user or group whose device is the mounted
/// one.
std::vector<Quota> parse_quota(const std::string& text, const QuotaOwner& owner);

/// Parses the answer of `mmlsquota -Y`: the rows of the owner's user and group, and of its fileset where that is known.
std::vector<Quota> parse_mmlsquota(const std::string& text, const QuotaOwner& owner);

/// The fileset that `mmlsattr -L DIR` names; "" when there is none.
std::string parse_mmlsattr_fileset(const std::string& text);

}  // namespace trireme::checkpoint
