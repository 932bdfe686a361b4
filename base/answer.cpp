#include "base/answer.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "base/error.hpp"
#include "base/file_limit.hpp"
#include "base/patient_output.hpp"
#include "base/printable.hpp"
#include "base/terminal.hpp"

namespace trireme::base {
namespace {

[[noreturn]] void fail(int code) {
  throw Error(str("the answer could not be written to standard output: ", failure_of_write(code)));
}

void write(std::string_view bytes) {
  if (write_without_waiting(bytes)) return;
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size()) return;
  if (const int code = errno; code != EPIPE) fail(code);
}

}  // namespace

void answer(std::string_view line) { write(printable(line) + '\n'); }

void answer_text(std::string_view text) { write(printable(text, Keep::kNewlines)); }

void answer_json(const Json& value) { write(printable_json(to_line(value)) + '\n'); }

void answer_content(std::string_view content) {
  if (on_terminal(STDOUT_FILENO)) {
    write(printable(content, Keep::kNewlinesAndTabs));
  } else {
    write(content);
  }
}

void control_terminal(std::string_view sequence) { write(sequence); }

bool finish_answers() {
  if (std::fflush(stdout) != 0) {
    if (const int code = errno; code != EPIPE) fail(code);
    return false;
  }
  // Some network file systems report a full disk only on close, so a copy of the descriptor is closed to learn of it.
  const int copy = ::dup(STDOUT_FILENO);
  if (copy >= 0 && ::close(copy) != 0 && errno != EINTR) fail(errno);
  return true;
}

}  // namespace trireme::base
