// What an attempt of a [program] run starts, and with which environment: written once, read by every rank's starter.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// The variable that marks the processes of one attempt's program; its value is Launch::token.
inline constexpr const char* kProgramMark = "TRIREME_PROGRAM";

struct Launch {
  int attempt = 1;
  std::string token;                               ///< of the attempt's lease: no other attempt has it
  std::string launcher;                            ///< program.launcher
  std::string command;                             ///< for /bin/sh, with the values of the parameters
  std::map<std::string, std::string> environment;  ///< added to what the rank's starter has
  std::string run_directory;                       ///< absolute
};

/// "<run_directory>/logs/launch.<attempt>.json".
std::filesystem::path launch_file(const std::filesystem::path& run_directory, int attempt);

/// Writes it for this user alone to change, durably. base::IoError.
void write_launch(base::FileSystem& files, const Launch& launch);

/// Reads what write_launch() wrote. base::Error when it is not there or not whole, or when somebody else wrote it.
Launch read_launch(base::FileSystem& files, const std::filesystem::path& file);

/// How a rank's process ended, if not with 0. The first one of an attempt leaves it: launchers lose exit codes.
struct RankEnd {
  int exit_code = 0;  ///< 128 + signal when a signal ended it
  int rank = 0;
  std::string host;
};

/// Writes "<run_directory>/logs/exit.<attempt>" unless another rank has. Errors are dropped: the launcher's own code
/// then counts.
void leave_rank_end(base::FileSystem& files, const Launch& launch, const RankEnd& end) noexcept;
/// Nothing when no rank left one, or it is not whole.
std::optional<RankEnd> read_rank_end(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt);
/// Removes one of that number, which is from an attempt that never came into the ledger.
void clear_rank_end(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt);

}  // namespace trireme::launcher
