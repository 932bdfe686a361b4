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

checkpoint::LeaseWorld sweep_world() {
  // The queue is not asked: it would be asked by every worker that meets another one.
  const auto unknown = [](const std::string&) { return std::optional<bool>(); };
  checkpoint::LeaseWorld world = checkpoint::real_world(unknown, nullptr);
  world.wait = [](std::chrono::milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return true;
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
  for (int errors = 0;;) {
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
      constexpr int kMostErrors = 4;
      if (++errors >= kMostErrors) throw;
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
  drop_forgotten();
}

// Removes a lease of ours that nobody holds any more. Our process lives, so nobody else would ever take it over.
void SweepLock::drop_forgotten() {
  if (forgotten_.empty()) return;
  const Path path = directory_ / "lease";
  try {
    const base::Json lease = base::Json::parse(base::read_own(files_, path), nullptr, false);
    const bool named = lease.is_object() && lease.contains("token") && lease["token"].is_string();
    if (named && std::ranges::count(forgotten_, lease["token"].get<std::string>()) > 0) files_.remove(path);
  } catch (const base::IoError&) {  // it is gone, or the disk does not answer: the next call tries again
  }
}

}  // namespace trireme::launcher
