#include "launcher/usage/run_record.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/own_file.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "launcher/run_directory/run_facts.hpp"

namespace trireme::launcher {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 8;  // of files below a run's checkpoints

// What cannot be read counts as not there.
template <typename Read>
void attempt_to(Read read) {
  try {
    read();
  } catch (const std::exception&) {
  }
}

// A file with holes counts with what it occupies, a small one with its size and not with its last block.
std::uint64_t bytes_of(const fs::path& file) {
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  return std::min(static_cast<std::uint64_t>(info.st_size), static_cast<std::uint64_t>(info.st_blocks) * 512);
}

std::uint64_t bytes_in(const fs::path& directory, bool only_steps, int depth) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (only_steps && !entry->path().filename().string().starts_with("step_")) continue;
    std::error_code unknown;
    if (entry->is_symlink(unknown)) continue;
    if (!entry->is_directory(unknown)) {
      bytes += bytes_of(entry->path());
    } else if (depth < kDeepest) {
      bytes += bytes_in(entry->path(), false, depth + 1);
    }
  }
  return bytes;
}

std::string account_in(base::FileSystem& files, const fs::path& run_file) {
  std::string account;
  if (!files.exists(run_file)) return account;
  for (const auto& [key, value] : base::parse_ini(base::read_own(files, run_file), "run.ini")) {
    if (key == "slurm.account") account = base::ini_unquoted(value);
  }
  return account;
}

// Only a run whose last attempt left no end needs more than its ledger: how far it was seen.
RunFacts facts_of(base::FileSystem& files, const fs::path& path, std::string& problem) {
  RunFacts facts;
  facts.path = path;
  try {
    facts.attempts = slurm::read_attempts(files, path / "attempts.jsonl", base::Trust::kContent);
  } catch (const std::exception& error) {
    problem = base::failure_text(error);
  }
  if (slurm::is_last_open(facts.attempts)) return read_run(files, path);
  facts.submission = last_submission(files, path);
  return facts;
}

}  // namespace

std::uint64_t bytes_below(const fs::path& directory) {
  std::error_code unknown;
  return bytes_in(directory, fs::is_symlink(directory, unknown), 0);
}

RunRecord read_record(base::FileSystem& files, const FoundRun& run, double now) {
  RunRecord record;
  record.path = run.path;
  record.folder = run.folder;
  attempt_to([&] { record.owner = files.owner(run.path / "attempts.jsonl"); });
  attempt_to([&] {
    if (!record.owner) record.owner = files.owner(run.path);
  });
  attempt_to([&] { record.account = account_in(files, run.path / "run.ini"); });
  attempt_to([&] { record.use = use_of(facts_of(files, run.path, record.problem), now); });
  record.gpus = std::ranges::any_of(record.use.attempts, &AttemptUse::gpus);
  attempt_to([&] { record.checkpoints = checkpoint::committed_steps(files, run.path).size(); });
  attempt_to([&] { record.checkpoint_bytes = bytes_below(run.path / "checkpoints"); });
  return record;
}

std::vector<RunRecord> read_records(base::FileSystem& files, const std::vector<FoundRun>& runs, double now) {
  std::vector<RunRecord> records(runs.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) records[i] = read_record(files, runs[i], now);
  };
  // More than there are cores: a shared file system answers several questions at a time.
  const std::size_t most = std::min<std::size_t>(runs.size(), std::max(4U, std::thread::hardware_concurrency()));
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min<std::size_t>(most, 16); ++i) threads.emplace_back(work);
  work();
  threads.clear();
  std::erase_if(records, [](const RunRecord& record) {
    return record.use.attempts.empty() && record.use.impossible == 0 && record.checkpoint_bytes == 0 &&
           record.problem.empty();
  });
  return records;
}

}  // namespace trireme::launcher
