#include "launcher/runs/run_index.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "base/cache_directory.hpp"
#include "base/checksum.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/lines.hpp"
#include "base/own_file.hpp"
#include "base/user_name.hpp"
#include "io/tokens/blend.hpp"
#include "launcher/options/group_keys.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/record/attempt_record.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "launcher/run_directory/run_summary.hpp"
#include "launcher/run_directory/submission_record.hpp"
#include "launcher/usage/runs_below.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using base::str;
using Path = std::filesystem::path;

constexpr int kVersion = 2;
constexpr double kTooNew = 2;  // seconds: a file may change again within its time stamp's granularity

// The files whose change means that a run has to be read again.
constexpr std::array kWatched = {"run.ini",   "attempts.jsonl", "metrics.jsonl",
                                 kRecordName, "submitted.json", "control/stop"};

// What cannot be read counts as not there.
template <typename Read>
void attempt_to(Read read) {
  try {
    read();
  } catch (const std::exception&) {
  }
}

struct Stamp {
  std::string text;   ///< "" = must not be cached
  double newest = 0;  ///< time of the newest change
};

Stamp stamp_of(const Path& run) {
  Stamp stamp;
  struct stat info {};
  const int directory = ::open(run.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return stamp;
  std::string text;
  for (const char* name : kWatched) {
    if (::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      text += "- ";
      continue;
    }
    text += str(info.st_ino, ':', info.st_size, ':', info.st_mtim.tv_sec, '.', info.st_mtim.tv_nsec, ' ');
    stamp.newest = std::max(stamp.newest, static_cast<double>(info.st_mtim.tv_sec) + 1);
  }
  // Whether the holder of a lease lives is no matter of files.
  const bool leased = ::fstatat(directory, "lease", &info, AT_SYMLINK_NOFOLLOW) == 0;
  ::close(directory);
  if (!leased) stamp.text = text;
  return stamp;
}

Json to_json(const IndexedRun& run, const Stamp& stamp) {
  Json datasets = Json::array();
  for (const IndexedDataset& one : run.datasets) datasets.push_back({one.name, one.fingerprint, one.path});
  Json json = {{"path", run.path},         {"stamp", stamp.text},    {"state", run.state},    {"note", run.note},
               {"finished", run.finished}, {"attempt", run.attempt}, {"step", run.step},      {"steps", run.steps},
               {"when", run.when},         {"datasets", datasets},   {"options", run.options}};
  if (run.loss) json["loss"] = *run.loss;
  if (run.owner) json["owner"] = *run.owner;
  return json;
}

IndexedRun run_from(const Json& json) {
  IndexedRun run;
  run.path = json.at("path").get<std::string>();
  run.state = json.at("state").get<std::string>();
  run.note = json.at("note").get<std::string>();
  run.finished = json.at("finished").get<bool>();
  run.attempt = json.at("attempt").get<std::int64_t>();
  run.step = json.at("step").get<std::int64_t>();
  run.steps = json.at("steps").get<std::int64_t>();
  run.when = json.at("when").get<double>();
  for (const Json& one : json.at("datasets")) run.datasets.push_back({one.at(0), one.at(1), one.at(2)});
  run.options = json.at("options").get<std::string>();
  if (json.contains("loss")) run.loss = json.at("loss").get<double>();
  if (json.contains("owner")) run.owner = json.at("owner").get<std::uint32_t>();
  return run;
}

struct Kept {
  std::string stamp;
  IndexedRun run;
};
using KeptRuns = std::unordered_map<std::string, Kept>;

// Lines are parsed by several threads: they are most of the time that a warm index takes.
KeptRuns read_kept(base::FileSystem& files, const Path& file) {
  KeptRuns kept;
  if (file.empty() || !files.exists(file)) return kept;
  std::string text;
  attempt_to([&] { text = base::read_own(files, file, base::Trust::kOwner, base::kLedgerLimit); });
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  if (lines.empty() || lines[0] != str("trireme runs ", kVersion)) return kept;
  std::vector<std::optional<Kept>> parsed(lines.size());
  const std::size_t most = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
  const auto parse = [&](std::size_t first) {
    for (std::size_t i = first; i < lines.size(); i += most) {
      attempt_to([&] {
        const Json json = Json::parse(lines[i]);
        parsed[i] = Kept{json.at("stamp").get<std::string>(), run_from(json)};
      });
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < most; ++i) threads.emplace_back(parse, i + 1);
    parse(1);
  }
  for (auto& one : parsed) {
    if (one) kept.emplace(one->run.path, std::move(*one));
  }
  return kept;
}

void write_kept(base::FileSystem& files, const Path& file, const std::vector<IndexedRun>& runs,
                const std::vector<Stamp>& stamps, double began) {
  std::string text = str("trireme runs ", kVersion, '\n');
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (stamps[i].text.empty() || stamps[i].newest + kTooNew > began) continue;
    text += base::to_line(to_json(runs[i], stamps[i])) + '\n';
  }
  if (text.size() <= base::kLedgerLimit) attempt_to([&] { files.replace(file, text); });
}

bool is_key(const std::string& key) {
  static const std::unordered_set<std::string> keys = [] {
    std::unordered_set<std::string> paths;
    for (const options::Key& one : options::key_table()) paths.insert(one.path());
    return paths;
  }();
  return key.starts_with(options::kGroupPrefix) || keys.contains(key);
}

// What run.ini names again after a record of it is no further dataset.
void add_datasets(const std::string& key, const std::string& list, const Path& directory, IndexedRun& run) {
  if (list.empty()) return;
  for (const auto& choice : tokens::parse_dataset_list(key, list)) {
    if (std::ranges::find(run.datasets, choice.path, &IndexedDataset::name) != run.datasets.end()) continue;
    const bool placed = directory.is_absolute() && !choice.path.starts_with(options::kTeamPrefix);
    run.datasets.push_back({choice.path, "", placed ? (directory / choice.path).lexically_normal().string() : ""});
  }
}

void read_options(base::FileSystem& files, const Path& path, IndexedRun& run) {
  const std::string text = base::read_own(files, path / "run.ini");
  for (const auto& setting : base::parse_ini(text, "run.ini")) {
    const std::string &key = setting.first, &value = setting.second;
    if (!is_key(key)) continue;
    const bool list = key == "data.train" || key == "data.valid";
    run.options += key + "=" + (list ? value : base::ini_unquoted(value)) + "\n";
    if (list) attempt_to([&] { add_datasets(key, value, {}, run); });
  }
}

// A run that waits in the queue for its first start has nothing else: its run.ini is written when it starts.
void read_submission(base::FileSystem& files, const Path& path, IndexedRun& run) {
  const SubmissionRecord asked = last_submission(files, path);
  const bool first = run.options.empty();
  const auto add = [&](const char* key, const std::string& value) {
    const bool plain = value.find_first_of("\r\n") == std::string::npos;
    if (first && plain && !value.empty()) run.options += str(key, "=", value, "\n");
  };
  add("data.train", asked.train);
  add("data.valid", asked.valid);
  add("data.tree", asked.tree.empty() ? "" : (Path(asked.directory) / asked.tree).lexically_normal().string());
  attempt_to([&] { add_datasets("data.train", asked.train, asked.directory, run); });
  attempt_to([&] { add_datasets("data.valid", asked.valid, asked.directory, run); });
}

void read_datasets(base::FileSystem& files, const Path& path, IndexedRun& run) {
  if (!files.exists(path / kRecordName)) return;
  const auto file = files.open_own(path / kRecordName, base::OpenMode::kRead);
  if (file->size() > base::kLedgerLimit) return;
  std::optional<AttemptRecord> newest;
  base::for_each_line_backwards(*file, [&](std::string_view line) {
    attempt_to([&] { newest = record_from(Json::parse(line)); });
    return !newest;
  });
  if (!newest) return;
  for (const DatasetRecord& one : newest->datasets) run.datasets.push_back({one.name, one.fingerprint, one.path});
}

// Each name is asked for once: the system may have to ask a server.
void name_users(std::vector<IndexedRun>& runs) {
  std::unordered_map<std::uint32_t, std::string> names;
  for (IndexedRun& run : runs) {
    if (!run.owner) continue;
    auto found = names.find(*run.owner);
    if (found == names.end()) found = names.emplace(*run.owner, base::user_name(*run.owner)).first;
    run.user = found->second;
  }
}

}  // namespace

std::optional<std::string_view> IndexedRun::option(std::string_view key) const {
  const std::string wanted = str('\n', key, '=');
  const std::string_view all = options;
  std::size_t at = 0;
  if (!all.starts_with(std::string_view(wanted).substr(1))) {
    at = all.find(wanted);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  at += wanted.size() - 1;
  return all.substr(at, all.find('\n', at) - at);
}

IndexedRun read_indexed(base::FileSystem& files, const Path& path, double now) {
  IndexedRun run;
  attempt_to([&] { run.owner = files.owner(path / "attempts.jsonl"); });
  attempt_to([&] {
    if (!run.owner) run.owner = files.owner(path);
  });
  attempt_to([&] { read_datasets(files, path, run); });
  attempt_to([&] { read_options(files, path, run); });
  attempt_to([&] { read_submission(files, path, run); });
  attempt_to([&] {
    const RunFacts facts = read_run(files, path);
    const RunSummary summary = summarise(facts, {}, now);
    run.state = summary.state;
    run.note = summary.note;
    run.finished = is_finished(facts);
    run.attempt = summary.attempt;
    run.step = summary.step;
    run.steps = summary.steps;
    if (facts.newest && facts.newest->loss) run.loss = facts.newest->loss;
    if (facts.newest) run.when = facts.newest->time;
    if (!facts.attempts.empty()) {
      run.when = std::max({run.when, facts.attempts.back().start.time, facts.attempts.back().end.time});
    }
  });
  return run;
}

RunIndex index_runs(base::FileSystem& files, const Path& tree, const Path& cache) {
  RunIndex index;
  const double began = base::wall_time();
  const FoundRuns found = runs_below(files, tree);
  index.tree = std::filesystem::weakly_canonical(std::filesystem::absolute(tree));
  const Path root = std::filesystem::absolute(tree).lexically_normal();
  const Path file = cache.empty() ? Path() : cache / ("runs." + base::xxh3_hex(index.tree.string()));
  KeptRuns kept = read_kept(files, file);
  std::vector<Stamp> stamps(found.runs.size());
  index.runs.resize(found.runs.size());
  std::atomic<std::size_t> next = 0, read = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < found.runs.size(); i = next++) {
      const std::string path = found.runs[i].path.lexically_relative(root).string();
      stamps[i] = stamp_of(found.runs[i].path);
      const auto known = kept.find(path);
      if (known != kept.end() && !stamps[i].text.empty() && known->second.stamp == stamps[i].text) {
        index.runs[i] = std::move(known->second.run);
        continue;
      }
      ++read;
      index.runs[i] = read_indexed(files, found.runs[i].path, began);
      index.runs[i].path = path;
    }
  };
  {
    // More than there are cores: a shared file system answers several questions at a time.
    const std::size_t most = std::min<std::size_t>(found.runs.size() / 16, 16);
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < most; ++i) threads.emplace_back(work);
    work();
  }
  index.read = read;
  index.unreadable = found.unreadable.size();
  name_users(index.runs);
  if (!file.empty() && (index.read > 0 || kept.size() != index.runs.size())) {
    write_kept(files, file, index.runs, stamps, began);
  }
  if (!found.unreadable.empty()) {
    index.notes.push_back(str(found.unreadable.size(), " directories could not be read, the first is ",
                              found.unreadable.front().string()));
  }
  if (found.links > 0) {
    index.notes.push_back(
        str(found.links, " links to directories were not followed: name what they lead to with --tree"));
  }
  return index;
}

Path own_run_cache(base::FileSystem& files) {
  Path directory = base::cache_directory();
  if (directory.empty()) return {};
  try {
    files.create_directories(directory.parent_path());
    files.create_private_directory(directory);
    return directory;
  } catch (const base::Error&) {
    return {};
  }
}

}  // namespace trireme::launcher
