// Preloaded into ranks by tests: it makes what a test waits for last, however fast the machine is, and storage slow or
// broken when the test wants it to be. A rank that waits for another one sleeps instead of spinning, since tests have
// more ranks than the machine has processors.
//   <run directory>.pace   while this file exists, each step takes at least as many seconds as it says
//   STEP_SECONDS=X         the same for every run, without a file
//   START_SECONDS=X        a rank that made a lease waits so long before it goes on
//   SLOW_READS=NAME        each read from a file of this name takes 10 ms longer
//   SLOW_SAVES=FILE        while FILE exists, each fsync of a file of a checkpoint under way takes as many seconds more
//                          as FILE says
//   BROKEN_READS=HOST      on that host each process may read 400 times from the dataset; then reads fail with EIO
#include <linux/limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

namespace {

std::string path_of(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  char path[PATH_MAX];
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "";
}

void wait(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

double number_in(const std::string& file) {
  double seconds = 0;
  std::ifstream(file) >> seconds;
  return seconds;
}

double variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::atof(text);
}

double extra_seconds() {
  const char* name = std::getenv("SLOW_SAVES");
  return name == nullptr ? 0 : number_in(name);
}

// A step ends with its line in metrics.jsonl.
void keep_pace(const std::string& metrics) {
  using Clock = std::chrono::steady_clock;
  static Clock::time_point last = Clock::now();
  const std::string run = metrics.substr(0, metrics.rfind('/'));
  const double seconds = std::max(number_in(run + ".pace"), variable("STEP_SECONDS"));
  std::this_thread::sleep_until(last +
                                std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  last = Clock::now();
}

bool on_broken_host() {
  const char* broken = std::getenv("BROKEN_READS");
  char name[HOST_NAME_MAX + 1] = {};
  return broken != nullptr && ::gethostname(name, HOST_NAME_MAX) == 0 && std::string_view(name) == broken;
}

bool read_fails(int descriptor) {
  constexpr int kGoodReads = 400;
  static const bool broken = on_broken_host();
  static std::atomic<int> reads = 0;
  return broken && path_of(descriptor).ends_with("/data.h5") && ++reads > kGoodReads;
}

// mpirun's command line, as submit writes it, has ranks spin without sched_yield.
[[gnu::constructor]] void let_idle_ranks_yield() { ::setenv("OMPI_MCA_mpi_yield_when_idle", "1", 1); }

}  // namespace

// Open MPI calls it again and again while nothing arrives.
extern "C" int sched_yield() {
  wait(50e-6);
  return 0;
}

extern "C" int fsync(int descriptor) {
  const std::string path = path_of(descriptor);
  if (path.find(".partial/") != std::string::npos) wait(extra_seconds());
  const int result = static_cast<int>(::syscall(SYS_fsync, descriptor));
  if (path.ends_with("/lease")) wait(variable("START_SECONDS"));
  return result;
}

extern "C" ssize_t pwrite(int descriptor, const void* data, std::size_t bytes, off_t offset) {
  const ssize_t result = ::syscall(SYS_pwrite64, descriptor, data, bytes, offset);
  const int error = errno;
  if (const std::string path = path_of(descriptor); path.ends_with("/metrics.jsonl")) keep_pace(path);
  errno = error;
  return result;
}

extern "C" ssize_t pread(int descriptor, void* data, std::size_t bytes, off_t offset) {
  if (read_fails(descriptor)) {
    errno = EIO;
    return -1;
  }
  const char* slow = std::getenv("SLOW_READS");
  if (slow != nullptr && path_of(descriptor).ends_with(std::string("/") + slow)) wait(0.01);
  return ::syscall(SYS_pread64, descriptor, data, bytes, offset);
}
