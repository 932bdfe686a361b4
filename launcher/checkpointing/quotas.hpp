// The quotas that count in a directory, as the file systems' own programs tell them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/checkpoint/run/quota.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {

/// Where a path lies, by /proc/self/mountinfo (proc_pid_mountinfo(5)): the last mount of the longest mount point above
/// `path`, which is absolute and without links. Both "" when the text has none.
struct Mount {
  std::string source;
  std::string mount_point;
};
Mount mount_of(const std::string& mountinfo, const std::string& path);

/// Asks the programs that fit a file system of that name ("lustre": lfs; "gpfs": mmlsquota, mmlsattr; "nfs", "ext",
/// "xfs", "ocfs2", "gfs2": quota). What a program does not say, or says in words that we do not know, is left out.
std::vector<checkpoint::Quota> ask_quotas(const std::string& file_system, const std::filesystem::path& directory,
                                          const checkpoint::QuotaOwner& owner, const slurm::RunCommand& run);

/// The same for this process and a directory that exists. Takes at most kQuotaSeconds, whatever the programs do.
std::vector<checkpoint::Quota> quotas_of(const std::filesystem::path& directory);

inline constexpr double kQuotaSeconds = 5;

}  // namespace trireme::launcher
