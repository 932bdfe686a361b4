#include "slurm/job/outcome.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"

namespace trireme::slurm {

std::filesystem::path outcome_file(const std::filesystem::path& run_directory, int attempt) {
  return run_directory / "logs" / base::str("outcome.", attempt);
}

void write_outcome(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt,
                   const Outcome& outcome) {
  files.create_directories(run_directory / "logs");
  files.replace(outcome_file(run_directory, attempt), base::to_line({{"exit_code", outcome.exit_code},
                                                                     {"reason", outcome.reason},
                                                                     {"step", outcome.step},
                                                                     {"saved_step", outcome.saved_step},
                                                                     {"come_back", outcome.come_back}}) +
                                                          '\n');
}

std::optional<Outcome> read_outcome(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt) {
  const auto file = outcome_file(run_directory, attempt);
  if (!files.exists(file)) return std::nullopt;
  try {
    const base::Json json = base::Json::parse(base::read_own(files, file), nullptr, false);
    if (!json.is_object()) return std::nullopt;
    return Outcome{json.at("exit_code"), json.at("reason"), json.at("step"), json.at("saved_step"),
                   json.value("come_back", true)};
  } catch (const base::Json::exception&) {
    return std::nullopt;
  } catch (const base::InputError&) {  // no outcome, but something in its place
    return std::nullopt;
  }
}

}  // namespace trireme::slurm
