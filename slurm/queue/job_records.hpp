// What the accounting (sacct) knows about everybody's jobs of some days: who used how much, and how long they waited.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slurm/queue/command.hpp"

namespace trireme::slurm {

/// One start of a job, or a job that has not started. Times are seconds since the epoch, 0 = not known or not yet.
struct JobRecord {
  std::string id;  ///< "123"; "123_4" for an array task
  std::string cluster;
  std::string user;
  std::string account;
  double eligible = 0;  ///< since when it could have started; where that is not known, since its submission
  double started = 0;
  double ended = 0;  ///< 0 while it runs
  std::int64_t cpus = 0;
  std::int64_t gpus = 0;
};

/// The columns that parse_job_records() reads.
inline constexpr const char* kJobRecordFormat = "JobID,Cluster,User,Account,Submit,Eligible,Start,End,AllocTRES";

/// The command line that asks for all jobs that were in the queue or ran since `since`, every start of a requeued job
/// included.
std::vector<std::string> job_records_command(double since);

/// Parses its answer and skips lines that do not fit. Slurm writes times in the local time zone.
std::vector<JobRecord> parse_job_records(const std::string& answer);

/// The number that AllocTRES ("billing=8,cpu=8,gres/gpu:a100=2,gres/gpu=2,mem=64G,node=1") gives for `resource`, "cpu"
/// or "gres/gpu"; GPUs that are listed by type only are added up. 0 where it is not listed.
std::int64_t allocated(const std::string& resources, const std::string& resource);

}  // namespace trireme::slurm
