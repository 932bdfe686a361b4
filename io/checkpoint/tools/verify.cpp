#include "io/checkpoint/tools/verify.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <tuple>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/foreign_entries.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/parallel.hpp"
#include "io/checkpoint/format/shard_metadata.hpp"
#include "io/checkpoint/tools/verify_deep.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

/// Compares every checksum: those of the blocks, then of each shard's bytes outside boxes.
class Verification {
 public:
  Verification(base::FileSystem& files, const OpenedCheckpoint& opened, const ReadProgress& progress)
      : files_(files), opened_(opened), progress_(progress), blocks_(blocks_in_file_order(opened.table)) {}

  void run(int threads) {
    for_each_part(blocks_.size() + opened_.manifest.files.size(), threads, [this]() -> PartWorker {
      const auto reader = std::make_shared<BlockReader>(files_, opened_, ReadFrom::kDisk);
      return [this, reader](std::size_t i) {
        if (stopped) return;
        if (!progress_(bytes)) stopped = true;
        try {
          bytes += i < blocks_.size() ? reader->read(blocks_[i]).size()
                                      : check_metadata(files_, opened_.path, opened_.manifest, opened_.table,
                                                       static_cast<std::uint32_t>(i - blocks_.size()));
        } catch (const DamagedCheckpoint& damage) {
          const std::lock_guard lock(mutex_);
          findings.push_back({damage.subject(), damage.problem()});
        }
      };
    });
  }

  std::vector<Finding> findings;
  std::atomic<std::uint64_t> bytes = 0;
  std::atomic<bool> stopped = false;

 private:
  base::FileSystem& files_;
  const OpenedCheckpoint& opened_;
  const ReadProgress& progress_;
  std::vector<Block> blocks_;
  std::mutex mutex_;
};

void verify_shards(base::FileSystem& files, const OpenedCheckpoint& opened, ShardCheck check, int threads,
                   const ReadProgress& progress, VerifyResult& result) {
  for (const auto& shard : opened.manifest.files) {
    try {
      check_length(files, opened.path, shard);
    } catch (const DamagedCheckpoint& damage) {
      result.findings.push_back({damage.subject(), damage.problem()});
    }
  }
  for (auto& entry : foreign_entries(files, opened.path, opened.manifest)) {
    result.findings.push_back({std::move(entry.name), std::move(entry.problem)});
  }
  Verification verification(files, opened, progress);
  verification.run(threads);
  result.bytes = verification.bytes;
  result.stopped = verification.stopped;
  for (auto& finding : verification.findings) result.findings.push_back(std::move(finding));
  if (check == ShardCheck::kBytes) return;
  for (std::uint32_t file = 0; !result.stopped && file < opened.manifest.files.size(); ++file) {
    const std::string subject = "metadata of " + opened.manifest.files[file].name;
    if (std::ranges::any_of(result.findings, [&](const Finding& finding) { return finding.subject == subject; }))
      continue;
    for (auto& finding : compare_with_hdf5(opened, file, check)) result.findings.push_back(std::move(finding));
  }
}

bool is_of_tensor(const Finding& finding, const std::vector<std::string>& slots) {
  return !finding.subject.starts_with("metadata of ") &&
         std::ranges::any_of(slots, [&](const std::string& slot) { return finding.subject.starts_with(slot + " "); });
}

}  // namespace

VerifyResult verify(base::FileSystem& files, const Path& step_directory, ShardCheck check, int threads,
                    const ReadProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  VerifyResult result;
  std::vector<std::string> slots;
  try {
    const OpenedCheckpoint opened = open_tables(files, step_directory);
    result.manifest = opened.manifest;
    result.boxes = opened.table.boxes.size();
    slots = opened.table.slots();
    verify_shards(files, opened, check, threads, progress, result);
  } catch (const DamagedCheckpoint& damage) {
    result.findings.push_back({damage.subject(), damage.problem()});
  }
  std::ranges::sort(result.findings, {}, [&](const Finding& finding) {
    return std::tuple(is_of_tensor(finding, slots), finding.subject, finding.problem);
  });
  const auto same = [](const Finding& a, const Finding& b) { return a.subject == b.subject && a.problem == b.problem; };
  result.findings.erase(std::unique(result.findings.begin(), result.findings.end(), same), result.findings.end());
  result.seconds = base::seconds_since(start);
  return result;
}

}  // namespace trireme::checkpoint
