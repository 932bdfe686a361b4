// Makes sure that only one process writes to a run directory: `<run>/lease` names it (docs/checkpoint_format.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// The process that holds or wants the lease.
struct LeaseHolder {
  std::string job = "local";  ///< Slurm job id (array task: "123_4"), or "local"
  std::int64_t restart = 0;   ///< SLURM_RESTART_COUNT
  std::string host;           ///< host name
  std::string machine;        ///< boot id and process namespace: where process ids mean the same thing
  std::int64_t process = 0;   ///< process id
  std::string started;        ///< when that process started, in the kernel's ticks: ids are reused
  std::string token;          ///< random, unique to this holder
  std::string cluster;        ///< whose queue knows the job; "" outside Slurm, and in leases of earlier versions
};

/// Describes this process, from /proc; the token comes from the kernel's random numbers.
LeaseHolder this_process(const std::string& job, std::int64_t restart, const std::string& cluster = "");

/// When a process of this machine started, in the kernel's ticks; "" when there is none.
std::string process_start(std::int64_t process);

/// The clock, the processes and the queue that the lease asks; tests inject fakes.
struct LeaseWorld {
  std::function<std::chrono::steady_clock::time_point()> now;
  /// Waits about this long. Returns false when waiting is to be given up (a stop was requested).
  std::function<bool(std::chrono::milliseconds)> wait;
  /// Whether this machine has a process with that id and start time.
  std::function<bool(std::int64_t process, const std::string& started)> process_alive;
  /// Whether the queue says that this job runs; nothing when it cannot tell. Called only for jobs of `cluster()`:
  /// another cluster counts its jobs by itself, and the same id means another job there.
  std::function<std::optional<bool>(const std::string& job)> job_running;
  /// The name of the cluster whose queue `job_running` asks; "" when there is none or it is not known. A null function
  /// means "".
  std::function<std::string()> cluster;
};

/// The real clock and processes. The caller supplies the queue (squeue) and whether a stop was requested.
LeaseWorld real_world(std::function<std::optional<bool>(const std::string& job)> job_running,
                      std::function<bool()> stop_requested, std::function<std::string()> cluster = nullptr);

/// The right to write to a run directory. Rank 0 holds it from before the first write until the end. The file system
/// must outlive it.
class Lease {
 public:
  static constexpr std::chrono::seconds kUnchanged{60};  ///< a silent holder on another machine is dead after this
  static constexpr std::chrono::seconds kLeaving{10};    ///< a holder on this machine may take this long to end
  static constexpr std::chrono::seconds kHeartbeat{20};  ///< a live one writes at least this often

  /// Takes the lease, from a holder that is provably gone at once: the same job with a lower restart count, the same
  /// machine with that process gone, a job that the queue of this cluster says is not running; from one that cannot be
  /// asked after (of another cluster, or of one that the lease does not name) after its content stayed unchanged for
  /// kUnchanged. A living one on this machine has kLeaving to end: a rank outlives a killed launcher by a moment. `say`
  /// gets one line when there is waiting to do. Throws base::Error in one sentence when another holder goes on living,
  /// base::InputError when something that is no lease is in its place (base/own_file.hpp), base::IoError when the disk
  /// does not take it, base::Stopped when waiting was given up.
  static Lease acquire(base::FileSystem& files, const std::filesystem::path& run_directory, LeaseHolder self,
                       LeaseWorld world, const std::function<void(const std::string&)>& say);

  Lease(Lease&&) = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() = default;

  /// Reads the file again. Call it before every commit and every append to the run's ledger or metrics. False means
  /// that another process took over: write nothing more and end.
  bool holds_lease();
  /// Call it often (every step): writes a sign of life when kHeartbeat has passed. Returns false as holds_lease() does.
  /// After an I/O error the lease counts as still held until the next call.
  bool heartbeat();
  /// Removes the file if it is still this holder's. Call it at an orderly end; after a crash the next holder replaces
  /// the file.
  void release();

  const LeaseHolder& holder() const { return self_; }

 private:
  Lease(base::FileSystem& files, std::filesystem::path path, LeaseHolder self, LeaseWorld world);
  void write_sign_of_life();

  base::FileSystem* files_;
  std::filesystem::path path_;
  LeaseHolder self_;
  LeaseWorld world_;
  std::uint64_t beats_ = 0;
  std::chrono::steady_clock::time_point last_beat_;
};

}  // namespace trireme::checkpoint
