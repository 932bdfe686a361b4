// The directory of a sweep: sweep.jsonl, the lease that guards it, and one run directory for each trial. There is no
// daemon: whoever ends a trial's rung advances the sweep here, holding the lease for a moment.
//
//   <dir>/sweep.ini      the file that the sweep was started with
//   <dir>/sweep.jsonl    the log (sweep_state.hpp)
//   <dir>/lease          who writes to the log now
//   <dir>/control/stop   somebody asked for the sweep to stop
//   <dir>/trial_<n>/     a run directory, with its complete run file trial.ini
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/sweep/sweep_lock.hpp"
#include "launcher/sweep/sweep_state.hpp"
#include "launcher/sweep/trial_facts.hpp"

namespace trireme::launcher {

/// What is known of the worker that claimed a trial.
enum class WorkerLife { kUnknown, kRuns, kGone };
using AskWorker = std::function<WorkerLife(const SweepClaim& claim)>;

/// What a sweep needs of the world; tests inject fakes.
struct SweepWorld {
  checkpoint::LeaseWorld lease;
  AskWorker life;
  std::function<double()> now;  ///< seconds since the epoch
};
/// The real one: workers of this machine are asked for, others are unknown.
SweepWorld real_sweep_world();

/// This process as a worker, with a new token.
SweepWorker this_worker();

/// What a worker that asked for work is to do.
struct Advice {
  enum class Kind {
    kRun,   ///< train `trial` up to rung `rung`
    kWait,  ///< ask again later: a running trial may still cause a promotion, or another shape of job is needed
    kDone,  ///< the sweep is over
    kStop,  ///< somebody asked for the sweep to stop
  };
  Kind kind = Kind::kDone;
  std::size_t trial = 0;
  std::size_t rung = 0;
  std::int64_t until_step = 0;         ///< the trial pauses after this step; 0: it trains to its end
  std::string run_file;                ///< <dir>/trial_<n>/trial.ini
  std::string run_directory;           ///< <dir>/trial_<n>
  std::vector<std::string> overrides;  ///< words for `trireme train` behind the run file: --run.pause_at=27 …
  int attempts = 0;                    ///< that the trial had before
  std::vector<SweepWorker> called;     ///< parked jobs for which there is work: release them
  std::string why;                     ///< of kWait: a sentence when this machine is to rest, else ""
};

/// Seconds without a sign of life of its trial after which a worker of which nothing is known is gone.
inline constexpr double kSilent = 300;

/// Trials that fail one after the other on a machine before it rests, for a minute at first, twice as long each time,
/// at most a quarter of an hour: a broken machine must not use up all trials.
inline constexpr std::size_t kFailuresOfHost = 3;

/// What a worker asks for.
struct Wanted {
  bool trial = true;                  ///< false: only writes down how the last one ended; the answer is kStop
  std::optional<std::int64_t> shape;  ///< trials of this shape only; nothing: any
  bool parks = false;                 ///< when there is nothing for it now, the log says that its job is parked
};

/// How the trial ended that a worker was advised to run.
struct LastTrial {
  std::size_t trial = 0;
  SeenEnd end;
  std::optional<int> attempts = std::nullopt;  ///< that it had when the worker got it, as Advice said; nothing: unknown
};

/// Thread-safe.
class SweepDirectory {
 public:
  using Path = std::filesystem::path;

  SweepDirectory(base::FileSystem& files, Path path, SweepWorld world);

  const Path& path() const { return path_; }

  /// Takes the lease and calls `change` with the state; the events that it returns are appended to the log.
  void change(const std::function<std::vector<base::Json>(const SweepState& state)>& change);
  /// Reads the log without the lease.
  SweepState read() const;

  /// What a worker calls before each trial and after its last one: writes down how `last` ended, looks after trials
  /// whose workers are gone, and claims the next trial for `self`. All in one holding of the lease. Throws
  /// base::IoError when the disk does not take it (ask again; nothing is lost: the trial's own directory knows how it
  /// ended), base::Stopped when waiting for the lease was given up.
  Advice advance(const SweepWorker& self, const std::optional<LastTrial>& last, const Wanted& wanted = {});

  Path trial(std::size_t number) const;

 private:
  void append(const std::vector<base::Json>& events);

  base::FileSystem& files_;
  Path path_;
  SweepWorld world_;
  SweepLock lock_;
};

/// "<dir>/sweep.jsonl".
std::filesystem::path sweep_log(const std::filesystem::path& directory);

/// Reads a sweep's log; damaged lines and a torn last one are passed over. A missing file is a sweep that has not
/// begun.
SweepState read_sweep(base::FileSystem& files, const std::filesystem::path& directory);

/// Shows the trials of workers that are gone as waiting for another one, which the log does not say before another one
/// comes. A trial that outlived its worker still runs.
void show_lost_trials(base::FileSystem& files, const std::filesystem::path& directory, const AskWorker& life,
                      SweepState& state);

}  // namespace trireme::launcher
