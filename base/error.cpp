#include "base/error.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace trireme::base {

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
