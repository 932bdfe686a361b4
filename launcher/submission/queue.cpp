#include "launcher/submission/queue.hpp"

#include <unistd.h>

#include "base/cache_directory.hpp"
#include "base/clock.hpp"
#include "base/host_name.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;

std::string variable(const char* name) { return slurm::environment_variable(name).value_or(""); }

}  // namespace

std::optional<slurm::JobList> my_queue(base::FileSystem& files, double seconds) {
  constexpr double kLimit = 10;
  const Path directory = base::cache_directory();
  const std::string cluster = variable("SLURM_CLUSTER_NAME");
  const std::string name = slurm::job_list_name(cluster, base::host_name(), variable("SLURM_CONF"));
  return slurm::my_jobs(
      files, [](const std::vector<std::string>& words) { return slurm::run_command_within(kLimit, words); },
      directory.empty() ? Path() : directory / name, cluster, base::wall_time(), seconds);
}

}  // namespace trireme::launcher
