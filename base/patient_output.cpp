#include "base/patient_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <optional>

namespace trireme::base {
namespace {

int open_anew(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return -1;
  if (!S_ISFIFO(status.st_mode) && ::isatty(descriptor) != 1) return -1;
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void wait_for_room(int descriptor) {
  pollfd end{descriptor, POLLOUT, 0};
  ::poll(&end, 1, -1);
}

struct StandardOutput {
  std::mutex mutex;
  std::optional<PatientOutput> patient;
};

StandardOutput& standard_output() {
  static StandardOutput output;
  return output;
}

}  // namespace

PatientOutput::PatientOutput(int descriptor) : descriptor_(descriptor), own_(open_anew(descriptor)) {}

PatientOutput::~PatientOutput() {
  write_kept(0);
  if (own_ >= 0) ::close(own_);
}

void PatientOutput::write(std::string_view text) {
  kept_ += text;
  write_kept(own_ >= 0 ? kMost : 0);
}

void PatientOutput::write_kept(std::size_t most_left) {
  const int to = own_ >= 0 ? own_ : descriptor_;
  std::size_t done = 0;
  while (done < kept_.size()) {
    const ssize_t count = ::write(to, kept_.data() + done, kept_.size() - done);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      done = kept_.size();  // nobody reads it any more
    } else if (kept_.size() - done <= most_left) {
      break;
    } else {
      wait_for_room(to);
    }
  }
  kept_.erase(0, done);
}

void do_not_wait_for_stdout() {
  std::fflush(stdout);
  standard_output().patient.emplace(STDOUT_FILENO);
}

void write_text(std::FILE* stream, std::string_view text) {
  if (stream == stdout && write_without_waiting(text)) return;
  const std::lock_guard lock(standard_output().mutex);
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

bool write_without_waiting(std::string_view text) {
  StandardOutput& output = standard_output();
  const std::lock_guard lock(output.mutex);
  if (output.patient) output.patient->write(text);
  return output.patient.has_value();
}

}  // namespace trireme::base
