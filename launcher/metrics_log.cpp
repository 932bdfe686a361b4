#include "launcher/metrics_log.hpp"

#include <optional>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

std::string read_metrics(base::FileSystem& files, const std::filesystem::path& file) {
  const auto opened = files.open_own(file, base::OpenMode::kRead);
  std::string content(opened->size(), '\0');
  content.resize(opened->pread(content.data(), content.size(), 0));
  return content;
}

// Calls visit(begin, end, step, line) for every complete line; of one that is not JSON with a step both are nothing.
template <typename Visit>
void for_each_line(const std::string& content, Visit visit) {
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t newline = content.find('\n', begin);
    if (newline == std::string::npos) return;
    const base::Json line = base::Json::parse(content.substr(begin, newline - begin), nullptr, false);
    const bool good = line.is_object() && line.contains("step") && line["step"].is_number_integer();
    visit(begin, newline + 1, good ? std::optional(line["step"].get<std::int64_t>()) : std::nullopt,
          good ? line : base::Json::object());
    begin = newline + 1;
  }
}

}  // namespace

MetricsLog::MetricsLog(base::FileSystem& files, std::filesystem::path file, std::int64_t last_step, int attempt) {
  std::string kept;
  std::string cut;
  if (files.exists(file)) {
    const std::string content = read_metrics(files, file);
    for_each_line(content,
                  [&](std::size_t begin, std::size_t end, std::optional<std::int64_t> step, const base::Json& line) {
                    const bool stays = step && *step <= last_step;
                    (stays ? kept : cut).append(content, begin, end - begin);
                    if (stays && line.contains("valid_loss")) last_validated_step_ = *step;
                  });
    if (!cut.empty()) files.replace(base::str(file.string(), ".", attempt), cut);
    if (kept.size() != content.size()) files.replace(file, kept);
  }
  file_ = files.open_own(file, base::OpenMode::kAppend);
  end_ = kept.size();
}

void MetricsLog::append(const base::Json& line) {
  const std::string text = base::to_line(line) + '\n';
  file_->pwrite(text.data(), text.size(), end_);
  end_ += text.size();
}

void MetricsLog::sync() { file_->sync(); }

LoggedProgress logged_progress(base::FileSystem& files, const std::filesystem::path& file, std::int64_t saved_step) {
  LoggedProgress progress;
  if (!files.exists(file)) return progress;
  for_each_line(read_metrics(files, file),
                [&](std::size_t, std::size_t, std::optional<std::int64_t> step, const base::Json& line) {
                  if (!step) return;
                  progress.step = *step;
                  progress.time = line.value("time", progress.time);
                  if (*step > saved_step) progress.seconds_after += line.value("seconds", 0.0);
                });
  return progress;
}

}  // namespace trireme::launcher
