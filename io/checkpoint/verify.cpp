#include "io/checkpoint/verify.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/open_checkpoint.hpp"
#include "io/checkpoint/parallel.hpp"
#include "io/checkpoint/shard_metadata.hpp"
#include "io/checkpoint/verify_deep.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;
constexpr std::size_t kReadBytes = 1 << 20;

/// One checksum to compare: a block of a box, or all bytes of a shard outside boxes.
struct Item {
  std::uint32_t file;
  const TableBox* box;  // null: the bytes outside boxes
  std::uint32_t block;
};

class Verification {
 public:
  Verification(base::FileSystem& files, const OpenedCheckpoint& opened, const ReadProgress& progress)
      : files_(files), opened_(opened), progress_(progress) {
    for (const auto& box : opened.table.boxes) {
      for (std::uint32_t block = 0; block < box.crc32c.size(); ++block) items_.push_back({box.file, &box, block});
    }
    std::sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) {
      return std::tuple(a.file, a.box->offset, a.block) < std::tuple(b.file, b.box->offset, b.block);
    });
    for (std::uint32_t file = 0; file < opened.manifest.files.size(); ++file) items_.push_back({file, nullptr, 0});
  }

  void run(int threads) {
    for_each_part(items_.size(), threads, [this]() -> PartWorker {
      const auto hand = std::make_shared<Hand>();
      return [this, hand](std::size_t i) {
        if (stopped) return;
        if (!progress_(bytes)) stopped = true;
        try {
          check(items_[i], *hand);
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
  /// What a thread holds.
  struct Hand {
    std::vector<char> buffer = std::vector<char>(kReadBytes);
    std::unique_ptr<base::File> file;
    std::uint32_t open = 0;  // the number of that file
  };

  void check(const Item& item, Hand& hand) {
    if (item.box == nullptr) {
      bytes += check_metadata(files_, opened_.path, opened_.manifest, opened_.table, item.file);
      return;
    }
    const std::string subject = describe(opened_.table, *item.box);
    reading(opened_.path, subject, [&] {
      if (!hand.file || hand.open != item.file) {
        hand.file.reset();
        hand.file = files_.open(opened_.path / opened_.manifest.files[item.file].name, base::OpenMode::kRead);
        hand.file->drop_cache();  // what the disk holds is asked for
        hand.open = item.file;
      }
      check_block(item, *hand.file, hand.buffer, subject);
    });
  }

  void check_block(const Item& item, base::File& file, std::vector<char>& buffer, const std::string& subject) {
    const std::uint64_t first = item.box->offset + item.block * kBlockBytes;
    const std::uint64_t end =
        item.box->offset + std::min((item.block + 1) * kBlockBytes, opened_.table.bytes_of(*item.box));
    std::uint32_t checksum = 0;
    for (std::uint64_t at = first; at < end;) {
      const std::size_t length = std::min<std::uint64_t>(end - at, buffer.size());
      if (file.pread(buffer.data(), length, at) != length) {
        throw DamagedCheckpoint(opened_.path, subject, "the file ends too early");
      }
      checksum = base::crc32c(buffer.data(), length, checksum);
      at += length;
      bytes += length;
    }
    if (checksum != item.box->crc32c[item.block]) {
      throw DamagedCheckpoint(opened_.path, subject, "the checksum does not match");
    }
  }

  base::FileSystem& files_;
  const OpenedCheckpoint& opened_;
  const ReadProgress& progress_;
  std::vector<Item> items_;
  std::mutex mutex_;
};

/// Everything below the directory that the manifest does not name.
void find_extra_files(base::FileSystem& files, const OpenedCheckpoint& opened, std::vector<Finding>& findings) {
  std::set<std::string> known = {kManifestName, kBoxesName};
  std::set<std::string> folders;
  for (const auto& shard : opened.manifest.files) {
    known.insert(shard.name);
    for (Path folder = Path(shard.name).parent_path(); !folder.empty(); folder = folder.parent_path()) {
      folders.insert(folder.string());
    }
  }
  std::vector<Path> pending = {""};
  while (!pending.empty()) {
    const Path folder = std::move(pending.back());
    pending.pop_back();
    for (const auto& entry : files.list(opened.path / folder)) {
      const Path relative = folder / entry;
      if (folders.contains(relative.string()) && files.is_directory(opened.path / relative) &&
          !files.is_link(opened.path / relative)) {
        pending.push_back(relative);
      } else if (!known.contains(relative.string())) {
        findings.push_back({relative.string(), "this file does not belong to the checkpoint"});
      }
    }
  }
}

void verify_shards(base::FileSystem& files, const OpenedCheckpoint& opened, bool deep, int threads,
                   const ReadProgress& progress, VerifyResult& result) {
  for (const auto& shard : opened.manifest.files) {
    try {
      check_length(files, opened.path, shard);
    } catch (const DamagedCheckpoint& damage) {
      result.findings.push_back({damage.subject(), damage.problem()});
    }
  }
  find_extra_files(files, opened, result.findings);
  Verification verification(files, opened, progress);
  verification.run(threads);
  result.bytes = verification.bytes;
  result.stopped = verification.stopped;
  for (auto& finding : verification.findings) result.findings.push_back(std::move(finding));
  for (std::uint32_t file = 0; deep && !result.stopped && file < opened.manifest.files.size(); ++file) {
    const std::string subject = "metadata of " + opened.manifest.files[file].name;
    if (std::ranges::any_of(result.findings, [&](const Finding& finding) { return finding.subject == subject; }))
      continue;
    for (auto& finding : compare_with_hdf5(opened, file)) result.findings.push_back(std::move(finding));
  }
}

}  // namespace

VerifyResult verify(base::FileSystem& files, const Path& step_directory, bool deep, int threads,
                    const ReadProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  VerifyResult result;
  try {
    const OpenedCheckpoint opened = open_tables(files, step_directory);
    result.manifest = opened.manifest;
    result.boxes = opened.table.boxes.size();
    verify_shards(files, opened, deep, threads, progress, result);
  } catch (const DamagedCheckpoint& damage) {
    result.findings.push_back({damage.subject(), damage.problem()});
  }
  std::ranges::sort(result.findings, {},
                    [](const Finding& finding) { return std::tie(finding.subject, finding.problem); });
  const auto [first, last] = std::ranges::unique(result.findings, [](const Finding& a, const Finding& b) {
    return a.subject == b.subject && a.problem == b.problem;
  });
  result.findings.erase(first, last);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace trireme::checkpoint
