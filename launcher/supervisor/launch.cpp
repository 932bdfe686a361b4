#include "launcher/supervisor/launch.hpp"

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/names.hpp"
#include "base/own_file.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using base::str;
using Path = std::filesystem::path;

Path rank_end_file(const Path& run_directory, int attempt) { return run_directory / "logs" / str("exit.", attempt); }

}  // namespace

Path launch_file(const Path& run_directory, int attempt) {
  return run_directory / "logs" / str("launch.", attempt, ".json");
}

void write_launch(base::FileSystem& files, const Launch& launch) {
  const Path run = launch.run_directory;
  files.create_directories(run / "logs");
  files.replace(launch_file(run, launch.attempt), base::to_line({{"attempt", launch.attempt},
                                                                 {"token", launch.token},
                                                                 {"launcher", launch.launcher},
                                                                 {"command", launch.command},
                                                                 {"environment", launch.environment},
                                                                 {"run_directory", launch.run_directory}}) +
                                                      '\n');
}

Launch read_launch(base::FileSystem& files, const Path& file) {
  try {
    const Json json = Json::parse(base::read_own(files, file, base::Trust::kOwner));
    return {json.at("attempt").get<int>(),
            json.at("token").get<std::string>(),
            json.at("launcher").get<std::string>(),
            json.at("command").get<std::string>(),
            json.at("environment").get<std::map<std::string, std::string>>(),
            json.at("run_directory").get<std::string>()};
  } catch (const Json::exception&) {
    throw base::Error(str(file.string(), ", which says what to start, is damaged: start the run again"));
  }
}

void leave_rank_end(base::FileSystem& files, const Launch& launch, const RankEnd& end) noexcept {
  try {
    const auto file = files.open(rank_end_file(launch.run_directory, launch.attempt), base::OpenMode::kCreateExclusive);
    const std::string text =
        base::to_line({{"exit_code", end.exit_code}, {"rank", end.rank}, {"host", end.host}}) + '\n';
    file->pwrite(text.data(), text.size(), 0);
    file->sync();
    file->close();
  } catch (const std::exception&) {
    // Another rank was first, or the disk is full.
  }
}

std::optional<RankEnd> read_rank_end(base::FileSystem& files, const Path& run_directory, int attempt) {
  const Path file = rank_end_file(run_directory, attempt);
  try {
    if (!files.exists(file)) return std::nullopt;
    const Json json = Json::parse(base::read_own(files, file));
    RankEnd end{json.at("exit_code").get<int>(), json.at("rank").get<int>(), json.at("host").get<std::string>()};
    if (!base::is_host_name(end.host)) end.host.clear();
    return end;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

void clear_rank_end(base::FileSystem& files, const Path& run_directory, int attempt) {
  const Path file = rank_end_file(run_directory, attempt);
  if (files.exists(file)) files.remove(file);
}

}  // namespace trireme::launcher
