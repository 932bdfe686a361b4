#include "launcher/attempt/directory_keeper.hpp"

#include "slurm/job/start_reason.hpp"

namespace trireme::launcher {

void DirectoryKeeper::begin(const slurm::AttemptStart& described, const std::string& options) {
  slurm::AttemptStart start = described;
  start.run_id = run_.run_id();
  start.reason = slurm::start_reason(run_.attempts(), job_, run_.killed_reason());
  start.cluster = run_.cluster();
  start.start_up_seconds = run_.age();
  run_.begin(start, options, MetricsWriter::kAttempt, tensorboard_);
}

bool DirectoryKeeper::is_restarted() const {
  // A job array has its script in the first run's directory only.
  const bool of_array = slurm::environment_variable("SLURM_ARRAY_JOB_ID").has_value();
  return job_.in_job() && (of_array || files_.exists(run_.path() / "submit.sbatch"));
}

bool DirectoryKeeper::sign(checkpoint::SaveInfo& info) {
  info.run_id = run_.run_id();
  info.attempt = run_.attempt();
  info.job = run_.job();
  info.token = run_.token();
  info.holds_lease = [this] {
    run_.sync_metrics();  // a checkpoint must not be newer than what is logged
    return run_.holds_lease();
  };
  return true;
}

std::unique_ptr<Housekeeping> DirectoryKeeper::housekeeping(const checkpoint::PrunePolicy& policy) {
  return std::make_unique<Housekeeper>(files_, run_.path(), policy, [this] { return run_.holds_lease(); });
}

void DirectoryKeeper::end(const slurm::Outcome& outcome, const Measured& measured) {
  run_.took(measured.longest_step, measured.save, measured.save_interval, measured.shards_per_node);
  run_.end(outcome);
}

}  // namespace trireme::launcher
