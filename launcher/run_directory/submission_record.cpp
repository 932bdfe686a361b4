#include "launcher/run_directory/submission_record.hpp"

#include <unistd.h>

#include <exception>

#include "base/json.hpp"
#include "base/own_file.hpp"
#include "base/user_name.hpp"

namespace trireme::launcher {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "submitted.json";

}  // namespace

std::vector<std::string> last_submission(base::FileSystem& files, const fs::path& run_directory) {
  try {
    if (!files.exists(run_directory / kRecord)) return {};
    const auto record = base::Json::parse(base::read_own(files, run_directory / kRecord), nullptr, false);
    if (record.is_object() && record.contains("jobs")) return record["jobs"].get<std::vector<std::string>>();
  } catch (const std::exception&) {
    // Torn or of another kind: the queue tells by itself.
  }
  return {};
}

void keep_submission(base::FileSystem& files, const fs::path& run_directory, const std::vector<std::string>& jobs) {
  files.replace(run_directory / kRecord,
                base::to_line({{"jobs", jobs}, {"user", base::user_name(::geteuid())}}) + '\n');
}

}  // namespace trireme::launcher
