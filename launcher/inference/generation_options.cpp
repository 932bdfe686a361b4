#include "launcher/inference/generation_options.hpp"

#include <array>

namespace trireme::launcher {

const char* name_of(StopReason reason) {
  constexpr std::array<const char*, 4> names{"eos", "length", "word", "stopped"};
  return names[static_cast<std::size_t>(reason)];
}

}  // namespace trireme::launcher
