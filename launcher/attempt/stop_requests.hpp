// What ends an attempt before its last step: a signal, the job's time limit, or a control file. Met on one rank, agreed
// by all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/signals.hpp"
#include "collectives/mpi/world.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_end_watch.hpp"
#include "slurm/job/preempted.hpp"
#include "slurm/job/time_limit.hpp"

namespace trireme::launcher {

class StopRequests {
 public:
  /// Both outlive the object.
  StopRequests(collectives::MpiWorld& world, const base::SignalThread& signals) : world_(world), signals_(signals) {}

  /// On rank 0: also looks at these, which outlive the object. `end`, which may be null, keeps the budget's end
  /// current.
  void watch(slurm::ControlFiles& control) { control_ = &control; }
  void watch(slurm::TimeBudget& time, const slurm::JobEndWatch* end) {
    time_ = &time;
    end_ = end;
  }

  /// On rank 0 of a job: whether a signal means that Slurm preempts it is asked of Slurm then, while the run saves.
  void ask_about_signals(std::string job_id) { job_id_ = std::move(job_id); }
  /// On every rank once a vote above 0 was agreed on by other means than agree().
  void agreed_on(std::int64_t vote);

  /// Of this rank, for a reduction with kMax over all: 0 = go on. Clocks are read, and once a second control files.
  std::int64_t vote() const;
  /// Collective: the largest vote.
  std::int64_t agree();
  /// Collective, between two phases of the start: base::Stopped on all ranks when a stop was asked for.
  void check(const char* phase);

  /// What an agreed vote above 0 stands for: "stopped by SIGTERM", "preempted", "stopped before the time limit",
  /// "stopped by alice's request" (the user is known on rank 0).
  std::string reason(std::int64_t vote) const;
  /// False when somebody asked that the run stays stopped. The same as long as the request is there; rank 0's word
  /// counts.
  bool come_back() const { return control_ == nullptr || !control_->stop(); }

 private:
  collectives::MpiWorld& world_;
  const base::SignalThread& signals_;
  slurm::ControlFiles* control_ = nullptr;
  slurm::TimeBudget* time_ = nullptr;
  const slurm::JobEndWatch* end_ = nullptr;
  std::string job_id_;
  std::optional<slurm::PreemptionQuestion> preempted_;
};

}  // namespace trireme::launcher
