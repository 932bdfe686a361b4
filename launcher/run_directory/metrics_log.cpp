#include "launcher/run_directory/metrics_log.hpp"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "base/lines.hpp"
#include "launcher/run_directory/metrics_line.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;

// What is to become of the lines of a file.
struct Cut {
  std::uint64_t begin = 0;              ///< everything before it stays as it is
  std::uint64_t end = 0;                ///< of the last line: what lies after it is torn
  bool moves = false;                   ///< some lines after `begin` go away
  bool stays_between = false;           ///< some after the first of these stay
  std::vector<Validation> validations;  ///< of the lines that stay
};

// The quick look at a line leaves the numbers out.
Validation read_validation(const base::Line& line, std::int64_t step) {
  const base::Json json = base::Json::parse(line.text, nullptr, false);
  const auto loss = json.find("valid_loss");  // none in what is no object: a number may be too large for the library
  const bool number = loss != json.end() && loss->is_number();
  return {step, number ? loss->get<double>() : std::numeric_limits<double>::quiet_NaN()};
}

bool stays(const base::Line& line, const KeptLines& kept, std::vector<Validation>* validations = nullptr) {
  const auto read = line.whole ? read_metrics_line(line.text) : std::nullopt;
  if (!read) return kept.without_step && line.whole;
  if (read->step > kept.last_step) return false;
  if (validations != nullptr && read->validated) validations->push_back(read_validation(line, read->step));
  return true;
}

Cut plan_cut(base::File& file, const KeptLines& kept) {
  Cut cut;
  base::LineReader lines(file);
  for (base::Line line; lines.next(line);) {
    if (line.torn) break;
    cut.end = line.end;
    if (!stays(line, kept, &cut.validations)) {
      cut.moves = true;
    } else if (cut.moves) {
      cut.stays_between = true;
    } else {
      cut.begin = line.end;
    }
  }
  return cut;
}

// Appends to a file in large pieces.
class Output {
 public:
  explicit Output(base::File& file) : file_(file) {}
  void add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= base::kLongestLine) flush();
  }
  void flush() {
    file_.pwrite(buffer_.data(), buffer_.size(), end_);
    end_ += buffer_.size();
    buffer_.clear();
  }

 private:
  base::File& file_;
  std::string buffer_;
  std::uint64_t end_ = 0;
};

// Replaces `target` by those lines of `file`, up to the cut's end, that stay (or by those that do not), whole or not at
// all.
void write_lines(base::FileSystem& files, base::File& file, const Path& target, const Cut& cut, const KeptLines& kept,
                 bool staying) {
  const base::TemporaryFile temporary = files.create_temporary(target);
  try {
    Output output(*temporary.file);
    base::LineReader lines(file);
    for (base::Line line; lines.next(line) && line.end <= cut.end;) {
      if (stays(line, kept) != staying) continue;
      output.add(line.text);
      if (line.end - line.begin > line.text.size()) output.add("\n");
    }
    output.flush();
    temporary.file->sync();
    temporary.file->close();
    files.rename(temporary.path, target);
    files.sync_directory(target.parent_path());
  } catch (const base::IoError&) {
    try {
      files.remove(temporary.path);
    } catch (const base::IoError&) {  // the first error is the one to tell
    }
    throw;
  }
}

// An attempt that rolls back and is killed later has lines cut off twice.
Path free_name(base::FileSystem& files, const std::string& name) {
  Path free = name;
  for (int number = 2; files.exists(free); ++number) free = base::str(name, ".", number);
  return free;
}

}  // namespace

MetricsLog::MetricsLog(base::FileSystem& files, const Path& file, const KeptLines& kept, int attempt) {
  Cut cut;
  if (files.exists(file)) {
    auto content = files.open_own(file, base::OpenMode::kReadWrite);
    cut = plan_cut(*content, kept);
    validations_ = cut.validations;
    // The lines that go away are on disk elsewhere before they are cut off here.
    if (cut.moves) {
      write_lines(files, *content, free_name(files, base::str(file.string(), ".", attempt)), cut, kept, false);
    }
    if (cut.stays_between) {
      write_lines(files, *content, file, cut, kept, true);
    } else if (cut.begin < content->size()) {
      content->truncate(cut.begin);
      content->sync();
    }
  }
  file_ = files.open_own(file, base::OpenMode::kAppend);
  end_ = file_->size();
}

namespace {

// JSON has neither NaN nor infinities.
base::Json with_nulls(base::Json line) {
  for (base::Json& value : line) {
    if (value.is_number_float() && !std::isfinite(value.get<double>())) value = nullptr;
  }
  return line;
}

}  // namespace

void MetricsLog::append(const base::Json& line) {
  const std::string text = base::to_line(with_nulls(line)) + '\n';
  file_->pwrite(text.data(), text.size(), end_);
  end_ += text.size();
}

void MetricsLog::sync() { file_->sync(); }

namespace {

double number_in(const base::Json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_number() ? found->get<double>() : 0.0;
}

}  // namespace

LoggedProgress logged_progress(base::FileSystem& files, const Path& file, std::int64_t saved_step) {
  LoggedProgress progress;
  if (!files.exists(file)) return progress;
  const auto opened = files.open_own(file, base::OpenMode::kRead);
  base::for_each_line_backwards(*opened, [&](std::string_view text) {
    const base::Json line = base::Json::parse(text, nullptr, false);
    if (!line.is_object() || !line.contains("step") || !line["step"].is_number_integer()) return true;
    const auto step = line["step"].get<std::int64_t>();
    if (progress.step == 0) progress.step = step;
    if (progress.time == 0) progress.time = number_in(line, "time");
    if (step > saved_step) progress.seconds_after += number_in(line, "seconds");
    return step > saved_step || progress.time == 0;
  });
  return progress;
}

std::int64_t logged_step(base::FileSystem& files, const Path& file) {
  std::int64_t step = 0;
  if (!files.exists(file)) return step;
  const auto opened = files.open_own(file, base::OpenMode::kRead);
  base::for_each_line_backwards(*opened, [&](std::string_view text) {
    const auto line = read_metrics_line(text);
    step = line ? line->step : 0;
    return !line;
  });
  return step;
}

}  // namespace trireme::launcher
