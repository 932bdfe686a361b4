#include "launcher/repeat/archive.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/lines.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/prune.hpp"
#include "io/checkpoint/tools/stream.hpp"
#include "launcher/options/number.hpp"
#include "launcher/record/attempt_record.hpp"
#include "launcher/repeat/archive_writer.hpp"
#include "launcher/run_directory/metrics_line.hpp"
#include "launcher/run_directory/run_facts.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

std::map<std::int64_t, double> valid_losses(base::FileSystem& files, const Path& run) {
  std::map<std::int64_t, double> losses;
  if (!files.exists(run / "metrics.jsonl")) return losses;
  const auto file = files.open_own(run / "metrics.jsonl", base::OpenMode::kRead);
  base::LineReader lines(*file);
  for (base::Line line; lines.next(line);) {
    const auto known = line.whole ? read_metrics_line(line.text) : std::nullopt;
    if (!known || !known->validated) continue;
    const base::Json json = parse_metrics_line(line.text);
    if (json.is_object() && json.contains("valid_loss") && json.at("valid_loss").is_number())
      losses[known->step] = json.at("valid_loss").get<double>();
  }
  return losses;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_numbered(std::string_view name, std::string_view before) {
  return name.starts_with(before) && is_number(name.substr(before.size()));
}

Path with_name(const Path& run) {
  const Path path = std::filesystem::absolute(run).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

class Archive {
 public:
  Archive(base::FileSystem& files, const ArchiveRequest& request, base::File& output, const std::string& name)
      : files_(files),
        request_(request),
        run_(with_name(request.run)),
        now_(static_cast<std::int64_t>(base::wall_time())),
        writer_(output, compression_of(name), run_.filename().string()) {}

  ArchiveResult write() {
    result_.steps = chosen_checkpoints(files_, request_);
    writer_.add_directory("", now_);
    for (const std::string& name : files_.list(run_)) {
      if (name == kRecordName) {
        add_record();
      } else if (name == "run.ini" || name == "attempts.jsonl") {
        add_file(name, name == "attempts.jsonl");
      } else if (name == "metrics.jsonl" || is_numbered(name, "metrics.jsonl.")) {
        add_file(name, true);
      }
    }
    add_logs();
    add_checkpoints();
    const std::string digests = writer_.digests();
    add_text(kDigestsName, digests);
    writer_.finish();
    return std::move(result_);
  }

 private:
  void begin(const std::string& name, std::uint64_t bytes) {
    writer_.begin(name, bytes, now_);
    ++result_.files;
    result_.bytes += bytes;
  }

  void add_text(const std::string& name, const std::string& text) {
    begin(name, text.size());
    writer_.write(text.data(), text.size());
  }

  // A file that is none of the run's own (a link, a device) is left out, and said to be.
  void add_file(const std::string& name, bool of_lines) {
    std::unique_ptr<base::File> file;
    try {
      file = files_.open_own(run_ / name, base::OpenMode::kRead);
    } catch (const base::Error& error) {
      result_.left_out.push_back(error.what());
      return;
    }
    const std::uint64_t size = of_lines ? whole_lines(*file) : file->size();
    begin(name, size);
    std::string buffer(std::size_t{1} << 20, '\0');
    for (std::uint64_t at = 0; at < size;) {
      const std::size_t got = file->pread(buffer.data(), std::min<std::uint64_t>(buffer.size(), size - at), at);
      if (got == 0) break;  // the writer says that it became shorter
      writer_.write(buffer.data(), got);
      at += got;
    }
  }

  // The bytes up to the last newline: what a crash tore off is nobody's.
  static std::uint64_t whole_lines(base::File& file) {
    std::string block(65536, '\0');
    for (std::uint64_t end = file.size(); end > 0;) {
      const std::uint64_t begin = end > block.size() ? end - block.size() : 0;
      const std::size_t got = file.pread(block.data(), static_cast<std::size_t>(end - begin), begin);
      const std::size_t newline = std::string_view(block).substr(0, got).rfind('\n');
      if (newline != std::string_view::npos) return begin + newline + 1;
      end = begin;
    }
    return 0;
  }

  void add_record() {
    std::string text;
    try {
      for (const AttemptRecord& record : read_attempt_records(files_, run_, base::Trust::kContent))
        text += base::to_line(to_json(record)) + '\n';
    } catch (const base::Error& error) {
      result_.left_out.push_back(error.what());
      return;
    }
    add_text(kRecordName, text);
  }

  void add_logs() {
    const Path logs = run_ / "logs";
    if (files_.is_link(logs) || !files_.is_directory(logs)) return;
    writer_.add_directory("logs", now_);
    for (const std::string& name : files_.list(logs)) {
      const bool outcome = is_numbered(name, "outcome.");
      const bool printed = name.ends_with(".log") || name.ends_with(".out") || name.ends_with(".err");
      if (outcome || (request_.logs && printed)) add_file("logs/" + name, false);
    }
  }

  void add_checkpoints() {
    if (result_.steps.empty()) return;
    writer_.add_directory("checkpoints", now_);
    for (const std::int64_t step : result_.steps) {
      const std::string place = str("checkpoints/step_", step);
      writer_.add_directory(place, now_);
      checkpoint::stream(
          files_, checkpoint::step_directory(run_, step),
          [&](const std::string& name, std::uint64_t bytes) { begin(place + "/" + name, bytes); },
          [&](const char* data, std::size_t length) { writer_.write(data, length); });
    }
  }

  base::FileSystem& files_;
  const ArchiveRequest& request_;
  const Path run_;
  const std::int64_t now_;
  ArchiveWriter writer_;
  ArchiveResult result_;
};

}  // namespace

std::vector<std::int64_t> chosen_checkpoints(base::FileSystem& files, const ArchiveRequest& request) {
  const Path& run = request.run;
  if (!is_run_directory(files, run)) {
    throw InputError(str(run.string(), " is no run directory: it holds no run.ini, attempts.jsonl or lease"));
  }
  if (is_held_by_the_living(files, run)) {
    throw InputError(str(run.string(), " is being trained: stop the run first (trireme stop), or archive a copy"));
  }
  auto steps = checkpoint::committed_steps(files, run);
  if (request.checkpoint == "none") return {};
  if (request.checkpoint == "all") return steps;
  if (steps.empty() && request.checkpoint == "newest") return {};
  if (request.checkpoint == "newest") return {steps.back()};
  if (request.checkpoint == "best") {
    const auto best = checkpoint::best_step(steps, valid_losses(files, run));
    if (!best) throw InputError(str("no checkpoint of ", run.string(), " has a validation loss: name a step"));
    return {*best};
  }
  const auto step = options::parse_integer(request.checkpoint);
  if (!step) {
    throw InputError(str("--checkpoint ", request.checkpoint, ": give newest, best, all, none, or a step"));
  }
  if (std::ranges::find(steps, *step) == steps.end()) {
    throw InputError(
        str(run.string(), " has no checkpoint of step ", *step, ": trireme checkpoint list shows those that it has"));
  }
  return {*step};
}

ArchiveResult write_archive(base::FileSystem& files, const ArchiveRequest& request, base::File& file,
                            const std::string& name) {
  return Archive(files, request, file, name).write();
}

}  // namespace trireme::launcher
