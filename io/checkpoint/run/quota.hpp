// What the file systems' own programs print about quotas, as figures: pure functions of their text.
//
// lfs quota: lfs-quota(1) of Lustre. quota -w -p: quota(1) of linuxquota. mmlsquota -Y: the command reference of IBM
// Storage Scale; its columns go by the header's names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trireme::checkpoint {

/// Whose quota counts for what a process writes into a directory, and where.
struct QuotaOwner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;    ///< that new files get
  std::string source;       ///< what is mounted: "/dev/sda1", "server:/export", "gpfs0"
  std::string mount_point;  ///< "/scratch"
  std::string fileset;      ///< of GPFS; "" = not known
  std::int64_t now = 0;     ///< seconds since the epoch, for grace periods that end
};

/// What a quota leaves. A user may fill the hard limit, so that is what counts; the soft one counts where there is no
/// hard limit, and once its grace period is over: then the system takes nothing more, and 0 is left.
struct Quota {
  std::string name;                         ///< "your quota on /scratch", "the quota of group 500 on /scratch"
  std::optional<std::uint64_t> bytes_left;  ///< nothing: no limit
  std::optional<std::uint64_t> files_left;
};

/// Of `lfs quota -u|-g|-p ID DIR`: the one summary row, also when its name has a line of its own. A value in brackets
/// (a server did not answer) is taken as it stands. Empty when the text holds no such row or the row no limit.
std::vector<Quota> parse_lfs_quota(const std::string& text, const QuotaOwner& owner);

/// The project that `lfs project -d DIR` prints first; nothing when it is 0 or there is none.
std::optional<std::uint32_t> parse_lfs_project(const std::string& text);

/// Of `quota -w -p -v -u` or `-g`: the rows of the owner's user or group whose device is what is mounted.
std::vector<Quota> parse_quota(const std::string& text, const QuotaOwner& owner);

/// Of `mmlsquota -Y`: the rows of the owner's user and group, and of its fileset where that is known.
std::vector<Quota> parse_mmlsquota(const std::string& text, const QuotaOwner& owner);

/// The fileset that `mmlsattr -L DIR` names; "" when there is none.
std::string parse_mmlsattr_fileset(const std::string& text);

}  // namespace trireme::checkpoint
