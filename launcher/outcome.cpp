#include "launcher/outcome.hpp"

#include "base/error.hpp"
#include "base/json.hpp"

namespace trireme::launcher {

void write_outcome(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt,
                   const Outcome& outcome) {
  files.create_directories(run_directory / "logs");
  files.replace(run_directory / "logs" / base::str("outcome.", attempt),
                base::to_line({{"exit_code", outcome.exit_code},
                               {"reason", outcome.reason},
                               {"step", outcome.step},
                               {"saved_step", outcome.saved_step}}) +
                    '\n');
}

}  // namespace trireme::launcher
