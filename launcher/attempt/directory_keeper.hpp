// Rank 0's RunKeeper.
#pragma once

#include <filesystem>
#include <functional>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "launcher/attempt/run_keeper.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {

class DirectoryKeeper final : public RunKeeper {
 public:
  /// Opens the run directory, with its errors (RunDirectory). `files` must outlive the keeper. `tensorboard`: see
  /// RunDirectory::begin().
  DirectoryKeeper(base::FileSystem& files, const std::filesystem::path& run_directory, slurm::JobEnvironment job,
                  const std::function<bool()>& stop_requested, const base::Log& log, bool tensorboard = false)
      : files_(files),
        tensorboard_(tensorboard),
        job_(std::move(job)),
        run_(files, run_directory, job_, stop_requested, log) {}

  int attempt() const override { return run_.attempt(); }
  std::string run_id() const override { return run_.run_id(); }
  std::string job() const override { return run_.job(); }
  const std::vector<slurm::Attempt>& attempts() const override { return run_.attempts(); }
  std::int64_t logged_step() const override { return run_.logged_step(); }

  void begin(const slurm::AttemptStart& start, const std::string& options) override;
  void keep_lease() override { run_.keep_lease(); }
  void append_metrics(const base::Json& line) override { run_.append_metrics(line); }
  bool is_restarted() const override;
  void health(const slurm::HealthEvent& event) override { run_.health(event); }
  void roll_back(const slurm::HealthEvent& event) override { run_.roll_back(event); }
  std::vector<Validation> validations() const override { return run_.validations(); }

  bool sign(checkpoint::SaveInfo& info) override;
  void save_begins() override { run_.begin_save(); }
  void save_committed() override { run_.saved(); }
  base::Error why_lost(const std::string& /*error*/) const override { return run_.why_lost(); }
  std::unique_ptr<Housekeeping> housekeeping(const checkpoint::PrunePolicy& policy) override;

  void end(const slurm::Outcome& outcome, const Measured& measured) override;
  void fail(const std::exception& error, const slurm::Progress& progress, bool come_back, const std::string& host,
            const std::string& remark) noexcept override {
    run_.fail(error, progress, come_back, host, remark);
  }

 private:
  base::FileSystem& files_;
  bool tensorboard_;
  slurm::JobEnvironment job_;
  RunDirectory run_;
};

}  // namespace trireme::launcher
