#include "base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <new>
#include <numeric>
#include <string_view>
#include <system_error>
#include <vector>

namespace trireme::base {
namespace {

// Every command may run out of memory, not only training.
constexpr const char* kMoreMemory =
    "end other programs, raise the limit (ulimit -v, the job's --mem), or use a machine with more";
constexpr const char* kSmallerTensors =
    "take more ranks or more memory; in training, a smaller train.micro_batch or train.recompute = full";

std::string without_backtrace(std::string text) {
  for (const std::string_view mark : {"\nException raised from", "\nframe #"})
    text.resize(std::min(text.find(mark), text.size()));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

std::string failure_text(const std::exception& error) {
  // A size read from a file may ask for a string or vector longer than any can be.
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      dynamic_cast<const std::length_error*>(&error) != nullptr) {
    return str("out of memory: ", kMoreMemory);
  }
  const auto* system = dynamic_cast<const std::system_error*>(&error);
  if (system != nullptr && system->code() == std::errc::resource_unavailable_try_again) {
    return str("cannot start a thread (", error.what(), "): raise the limit of processes or memory (ulimit -u, -v)");
  }
  std::string text = without_backtrace(error.what());
  if (dynamic_cast<const Error*>(&error) == nullptr) std::ranges::replace(text, '\n', ' ');
  const std::string_view allocation = "you tried to allocate ";
  const std::size_t found = text.find(allocation);
  if (found == std::string::npos) return text;
  const std::size_t number = found + allocation.size();
  return str("out of memory: no ", text.substr(number, text.find(' ', number) - number), " more bytes to be had; ",
             kSmallerTensors);
}

bool is_full_disk(const std::exception& error) noexcept {
  const auto* io = dynamic_cast<const IoError*>(&error);
  return io != nullptr && (io->code() == ENOSPC || io->code() == EDQUOT);
}

int exit_code(const std::exception& error) noexcept {
  if (dynamic_cast<const InputError*>(&error) != nullptr) return kExitBadInput;
  return dynamic_cast<const Stopped*>(&error) != nullptr ? kExitStopped : kExitFailed;
}

void throw_with_code(int code, const std::string& message) {
  if (code == kExitBadInput) throw InputError(message);
  if (code == kExitStopped) throw Stopped(message);
  throw Error(message);
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace trireme::base
