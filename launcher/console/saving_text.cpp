#include "launcher/console/saving_text.hpp"

#include "base/error.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

// "24.2 MB in 53 ms, of which the training waited 1 ms".
std::string cost_text(const checkpoint::SaveResult& saved, double stall) {
  return base::str(format_bytes(static_cast<double>(saved.bytes)), " in ", format_duration(saved.seconds),
                   ", of which the training waited ", format_duration(stall));
}

}  // namespace

std::string saved_text(const checkpoint::SaveResult& saved, double stall) {
  return base::str("saved ", saved.path.string(), " (", cost_text(saved, stall), ")");
}

std::string not_saved_text(const checkpoint::SaveResult& failed) {
  return base::str("no checkpoint of step ", failed.step, ": ", failed.error,
                   "; older checkpoints are as they were, and training goes on");
}

std::string fast_saved_text(const checkpoint::SaveResult& saved, double stall) {
  return base::str("fast tier has step ", saved.step, " (", cost_text(saved, stall), "); later ones are not announced");
}

std::string fast_not_saved_text(const checkpoint::SaveResult& failed) {
  return base::str("fast tier: ", failed.error,
                   "; training goes on, and this is not said again until a later one is made");
}

std::string waited_text(double seconds, std::int64_t every_steps) {
  return base::str("the training waited ", format_duration(seconds),
                   " for a save to end before the next began: checkpoint.every_steps = ", every_steps,
                   " is shorter than a save takes");
}

std::string request_stays_text(const std::filesystem::path& request) {
  return base::str("the request in ", request.string(), " was honoured, but cannot be removed: delete it");
}

}  // namespace trireme::launcher
