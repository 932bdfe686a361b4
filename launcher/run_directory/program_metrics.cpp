#include "launcher/run_directory/program_metrics.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/lines.hpp"
#include "launcher/run_directory/metrics_line.hpp"

namespace trireme::launcher {
namespace {

std::optional<std::int64_t> whole_number(const base::Json& line, const char* name) {
  const auto found = line.find(name);
  if (found == line.end() || !found->is_number_integer()) return std::nullopt;
  const auto value = found->get<std::int64_t>();
  return value >= 0 ? std::optional(value) : std::nullopt;
}

void fill(std::optional<std::int64_t>& known, const std::optional<std::int64_t>& earlier) {
  if (!known) known = earlier;
}

}  // namespace

void ProgramProgress::take(std::string_view line) {
  const base::Json json = parse_metrics_line(line);
  if (!json.is_object()) return;
  const auto update = [&](std::optional<std::int64_t>& value, const char* name) {
    if (const auto said = whole_number(json, name)) value = said;
  };
  update(step, "step");
  update(steps, "steps");
  update(saved_step, "saved_step");
}

ProgramProgress program_progress(base::FileSystem& files, const std::filesystem::path& file) {
  constexpr std::uint64_t kMost = std::uint64_t{64} << 20;
  ProgramProgress newest;
  if (!files.exists(file)) return newest;
  const auto opened = files.open_own(file, base::OpenMode::kRead);
  std::uint64_t bytes = 0;
  base::for_each_line_backwards(*opened, [&](std::string_view text) {
    ProgramProgress one;
    one.take(text);
    fill(newest.step, one.step);
    fill(newest.steps, one.steps);
    fill(newest.saved_step, one.saved_step);
    bytes += text.size() + 1;
    return bytes < kMost && !(newest.step && newest.steps && newest.saved_step);
  });
  return newest;
}

MetricsFollower::MetricsFollower(base::FileSystem& files, std::filesystem::path file)
    : files_(files), file_(std::move(file)) {
  if (!files_.exists(file_)) return;
  progress_ = program_progress(files_, file_);
  progress_.step.reset();
  read_ = files_.open_own(file_, base::OpenMode::kRead)->size();
}

bool MetricsFollower::look() {
  try {
    if (!files_.exists(file_)) return false;
    const auto opened = files_.open_own(file_, base::OpenMode::kRead);
    const std::uint64_t size = opened->size();
    if (size < read_) {
      read_ = 0;
      torn_.clear();
    }
    if (size == read_) return false;
    std::string block;
    while (read_ < size) {
      block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(size - read_, base::kLongestLine)));
      const std::size_t count = opened->pread(block.data(), block.size(), read_);
      if (count == 0) break;
      read_ += count;
      torn_.append(block, 0, count);
      std::size_t begin = 0;
      for (std::size_t end = torn_.find('\n'); end != std::string::npos; end = torn_.find('\n', begin)) {
        progress_.take(std::string_view(torn_).substr(begin, end - begin));
        begin = end + 1;
      }
      torn_.erase(0, begin);
      if (torn_.size() > base::kLongestLine)
        torn_.clear();  // no line of ours: what follows it up to its end says nothing
    }
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

}  // namespace trireme::launcher
