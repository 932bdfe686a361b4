#include "launcher/attempt/begun.hpp"

#include <map>
#include <string>

#include "base/slot.hpp"

namespace trireme::launcher {
namespace {

constexpr const char* kKey = "moments_begun";

}  // namespace

optim::Begun begun_of(const base::Json& extra) {
  optim::Begun begun;
  const auto found = extra.find(kKey);
  if (found == extra.end()) return begun;
  begun.all = found->value("all", std::int64_t{0});
  begun.tensors = found->value("tensors", std::map<std::string, std::int64_t>{});
  return begun;
}

void add_to(base::Json& extra, const optim::Begun& begun) {
  if (begun.all == 0 && begun.tensors.empty()) return;
  extra[kKey] = {{"all", begun.all}, {"tensors", begun.tensors}};
}

void begin_missing(optim::Begun& begun, const checkpoint::LoadResult& loaded, std::int64_t updates) {
  for (const std::string slot : {base::kAdamM, base::kAdamV}) {
    for (const std::string& missing : loaded.missing) {
      if (missing == "slot " + slot) begun = {updates, {}};
      if (missing.starts_with(slot + " ")) begun.tensors[missing.substr(slot.size() + 1)] = updates;
    }
  }
}

}  // namespace trireme::launcher
