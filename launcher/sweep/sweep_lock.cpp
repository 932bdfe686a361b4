#include "launcher/sweep/sweep_lock.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

using checkpoint::Lease;
using std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::minutes(10);

}  // namespace

checkpoint::LeaseWorld sweep_world(std::function<bool()> stop_requested) {
  // The queue is not asked: it would be asked by every worker that meets another one.
  const auto unknown = [](const std::string&) { return std::optional<bool>(); };
  checkpoint::LeaseWorld world = checkpoint::real_world(unknown, nullptr);
  world.wait = [stop_requested = std::move(stop_requested)](std::chrono::milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return !stop_requested || !stop_requested();
  };
  return world;
}

SweepLock::SweepLock(base::FileSystem& files, Path directory, checkpoint::LeaseWorld world)
    : files_(files), directory_(std::move(directory)), world_(std::move(world)) {}

void SweepLock::with_lease(const std::function<void(const std::function<bool()>& still_held)>& work) {
  const std::lock_guard one_thread(mutex_);
  Lease lease = acquire();
  try {
    work([&] { return lease.holds_lease(); });
  } catch (...) {
    release(lease);
    throw;
  }
  release(lease);
}

Lease SweepLock::acquire() {
  const slurm::JobEnvironment job = slurm::read_job_environment();
  const auto start = world_.now();
  while (true) {
    drop_forgotten();
    auto self = checkpoint::this_process(job.in_job() ? job.job_id : "local", job.restart_count, job.cluster);
    const std::string token = self.token;
    try {
      return Lease::acquire(files_, directory_, std::move(self), world_, nullptr);
    } catch (const base::InputError&) {
      throw;
    } catch (const base::Stopped&) {
      throw;
    } catch (const base::IoError&) {
      // On a network file system a call may have done its work and report a failure all the same.
      forget_own(token);
      throw;
    } catch (const base::Error&) {
      // A living worker has it: it changed hands while we watched, or is held long.
      if (world_.now() - start >= kPatience) {
        throw base::Error(base::str("another process holds ", (directory_ / "lease").string(),
                                    " for ten minutes: look whether it hangs, end it, and start again"));
      }
    }
  }
}

void SweepLock::release(Lease& lease) {
  try {
    lease.release();
  } catch (const base::Error&) {
    forget_own(lease.holder().token);
  }
}

void SweepLock::forget_own(const std::string& token) {
  forgotten_.push_back(token);
  try {
    drop_forgotten();
  } catch (const base::Error&) {  // the next call tries again
  }
}

// Removes a lease of ours that nobody holds any more. Our process lives, so nobody else would ever take it over.
bool SweepLock::drop_forgotten() {
  if (forgotten_.empty()) return false;
  const Path path = directory_ / "lease";
  std::string text;
  try {
    text = base::read_own(files_, path);
  } catch (const base::IoError&) {
    return false;  // it is gone, or the disk does not answer
  }
  const base::Json lease = base::Json::parse(text, nullptr, false);
  const std::string token = lease.is_object() && lease.contains("token") && lease["token"].is_string()
                                ? lease["token"].get<std::string>()
                                : std::string();
  if (std::ranges::count(forgotten_, token) == 0) return false;
  files_.remove(path);
  return true;
}

}  // namespace trireme::launcher
