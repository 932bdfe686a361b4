// Any text as the lease, as the file of a takeover, and as VERIFIED: someone takes the lease or says why not, within
// the time that the protocol allows, and no step counts as verified that is not there.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "io/lease/lease.hpp"
#include "tests/support/memory_file_system.hpp"

namespace {

using trireme::checkpoint::Lease;
using trireme::checkpoint::LeaseHolder;
using trireme::checkpoint::LeaseWorld;
using trireme::tests::MemoryFileSystem;

void put(MemoryFileSystem& files, const char* path, const std::string& text) {
  files.open(path, trireme::base::OpenMode::kCreate);
  files.bytes(path) = text;
}

void check_lease(MemoryFileSystem& files, const std::string& text) {
  LeaseHolder self;
  self.host = self.machine = "here";
  self.process = 1;
  self.token = "mine";
  auto clock = std::chrono::steady_clock::now();
  const auto start = clock;
  const LeaseWorld world{[&] { return clock; },
                         [&](std::chrono::milliseconds time) {
                           clock += 20 * time;                             // few steps: each costs a read
                           return clock - start < 10 * Lease::kUnchanged;  // else it would wait for ever
                         },
                         [&](std::int64_t process, const std::string&) { return process % 2 == 0; },
                         [&](const std::string& job) { return job.size() % 2 == 0; }};
  put(files, "/run/lease", text);
  put(files, "/run/lease.takeover", text);
  try {
    Lease lease = Lease::acquire(files, "/run", self, world, {});
    if (!lease.holds_lease()) std::abort();
    lease.release();
  } catch (const trireme::base::Stopped&) {
    std::abort();
  } catch (const trireme::base::Error&) {  // its holder lives
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  MemoryFileSystem files;
  check_lease(files, text);
  files.create_directories("/run/checkpoints/step_1");
  put(files, "/run/checkpoints/VERIFIED", text);
  if (!trireme::checkpoint::verified_steps(files, "/run").empty()) std::abort();  // step_1 has no manifest
  return 0;
}
