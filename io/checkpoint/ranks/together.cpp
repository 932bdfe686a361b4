#include "io/checkpoint/ranks/together.hpp"

#include <exception>

namespace trireme::checkpoint {

std::string together(Coordinator& coordinator, const std::function<void()>& body) {
  std::string problem;
  bool good = true;
  try {
    body();
  } catch (const std::exception& error) {
    good = false;
    problem = error.what();
  }
  return coordinator.all_ok(good, problem);
}

std::string on_rank_0(Coordinator& coordinator, const std::function<void()>& body) {
  return together(coordinator, [&] {
    if (coordinator.rank() == 0) body();
  });
}

}  // namespace trireme::checkpoint
