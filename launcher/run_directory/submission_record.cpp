#include "launcher/run_directory/submission_record.hpp"

#include <unistd.h>

#include <exception>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"
#include "base/user_name.hpp"

namespace trireme::launcher {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "submitted.json";

}  // namespace

SubmissionRecord last_submission(base::FileSystem& files, const fs::path& run_directory) {
  SubmissionRecord record;
  try {
    if (!files.exists(run_directory / kRecord)) return record;
    const auto stored = base::Json::parse(base::read_own(files, run_directory / kRecord), nullptr, false);
    if (!stored.is_object()) return record;
    record.cluster = stored.value("cluster", "");
    record.name = stored.value("name", "");
    record.directory = stored.value("directory", "");
    record.time = stored.value("time", 0.0);
    record.train = stored.value("train", "");
    record.valid = stored.value("valid", "");
    record.tree = stored.value("tree", "");
    record.steps = stored.value("steps", std::int64_t{0});
    if (stored.contains("jobs")) record.jobs = stored["jobs"].get<std::vector<std::string>>();
  } catch (const std::exception&) {
    // Torn or of another kind: the queue tells by itself.
  }
  return record;
}

void keep_submission(base::FileSystem& files, const fs::path& run_directory, const SubmissionRecord& record) {
  files.replace(run_directory / kRecord, base::to_line({{"jobs", record.jobs},
                                                        {"cluster", record.cluster},
                                                        {"name", record.name},
                                                        {"directory", record.directory},
                                                        {"steps", record.steps},
                                                        {"train", record.train},
                                                        {"valid", record.valid},
                                                        {"tree", record.tree},
                                                        {"time", base::wall_time()},
                                                        {"user", base::user_name(::geteuid())}}) +
                                             '\n');
}

}  // namespace trireme::launcher
