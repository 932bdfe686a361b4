#include "io/checkpoint/tools/copy.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/format/parallel.hpp"
#include "io/checkpoint/format/shard_metadata.hpp"
#include "io/lease/lease.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

/// Makes a directory and its missing parents, and removes them again unless they are to be kept.
class NewDirectories {
 public:
  explicit NewDirectories(base::FileSystem& files) : files_(files) {}
  NewDirectories(const NewDirectories&) = delete;
  NewDirectories& operator=(const NewDirectories&) = delete;
  ~NewDirectories() {
    try {
      for (const auto& path : made_) files_.remove(path);
    } catch (const base::IoError&) {
      // It was not made, or somebody else uses it by now.
    }
  }

  void make(const Path& directory) {
    for (Path path = directory; !path.empty() && !files_.exists(path); path = path.parent_path()) made_.push_back(path);
    files_.create_directories(directory);
  }
  /// Keeps the directories and makes their names durable.
  void keep() {
    for (const auto& path : std::exchange(made_, {})) {
      files_.sync_directory(path.has_parent_path() ? path.parent_path() : Path("."));
    }
  }

 private:
  base::FileSystem& files_;
  std::vector<Path> made_;  // the deepest first
};

/// Writes for one thread. Holds one open file and fsyncs it, by the descriptor that wrote it, before it opens the next.
class PartialFile {
 public:
  explicit PartialFile(base::FileSystem& files) : files_(files) {}

  void write(const Path& path, const char* data, std::size_t length, std::uint64_t offset) {
    if (path != path_) {
      finish();
      file_ = files_.open(path, base::OpenMode::kReadWrite);
      path_ = path;
    }
    file_->pwrite(data, length, offset);
    file_->start_write_back(offset, length);
  }
  void finish() {
    if (!file_) return;
    file_->sync();
    file_->close();
    file_.reset();
    path_.clear();
  }

 private:
  base::FileSystem& files_;
  Path path_;
  std::unique_ptr<base::File> file_;
};

void write_whole(base::FileSystem& files, const Path& path, const std::string& bytes) {
  const auto file = files.open(path, base::OpenMode::kCreateExclusive);
  file->pwrite(bytes.data(), bytes.size(), 0);
  file->sync();
  file->close();
}

class Copy {
 public:
  Copy(base::FileSystem& files, const OpenedCheckpoint& opened, const Path& partial, const ReadProgress& progress)
      : files_(files), opened_(opened), partial_(partial), progress_(progress) {}

  void run(int threads) {
    const std::set<Path> folders = make_files();
    copy_shards(threads);
    write_whole(files_, partial_ / kBoxesName, opened_.boxes_bytes);
    write_whole(files_, partial_ / kManifestName, opened_.manifest_text);
    for (const auto& folder : folders) files_.sync_directory(partial_ / folder);
    files_.sync_directory(partial_);
  }

 private:
  /// Makes the shards, empty, with their whole length. Returns the folders that were made for them.
  std::set<Path> make_files() {
    std::set<Path> folders;
    for (const auto& shard : opened_.manifest.files) {
      const Path folder = Path(shard.name).parent_path();
      files_.create_directories(partial_ / folder);
      for (Path path = folder; !path.empty(); path = path.parent_path()) folders.insert(path);
      const auto file = files_.open(partial_ / shard.name, base::OpenMode::kCreateExclusive);
      file->allocate(shard.bytes);
      file->sync();
      file->close();
    }
    return folders;
  }

  /// The parts are the blocks, in the order in which they lie in the shards, then for each shard the bytes outside
  /// boxes.
  void copy_shards(int threads) {
    const std::vector<Block> blocks = blocks_in_file_order(opened_.table);
    std::mutex mutex;
    std::vector<std::shared_ptr<PartialFile>> outs;
    for_each_part(blocks.size() + opened_.manifest.files.size(), threads, [&]() -> PartWorker {
      const auto reader = std::make_shared<BlockReader>(files_, opened_);
      const auto out = std::make_shared<PartialFile>(files_);
      const std::lock_guard lock(mutex);
      outs.push_back(out);
      return [&, reader, out](std::size_t part) {
        if (part < blocks.size()) {
          copy_block(blocks[part], *reader, *out);
        } else {
          copy_metadata(static_cast<std::uint32_t>(part - blocks.size()), *out);
        }
      };
    });
    for_each_part(outs.size(), threads, [&]() -> PartWorker { return [&](std::size_t i) { outs[i]->finish(); }; });
  }

  void copy_block(const Block& block, BlockReader& reader, PartialFile& out) {
    const auto bytes = reader.read(block);
    out.write(partial_ / opened_.manifest.files[block.box->file].name, bytes.data(), bytes.size(),
              BlockReader::offset_of(block));
    tell(bytes.size());
  }

  void copy_metadata(std::uint32_t file, PartialFile& out) {
    const Path path = partial_ / opened_.manifest.files[file].name;
    read_metadata(files_, opened_.path, opened_.manifest, opened_.table, file,
                  [&](const char* data, std::size_t length, std::uint64_t offset) {
                    out.write(path, data, length, offset);
                    tell(length);
                  });
  }

  void tell(std::uint64_t bytes) {
    if (!progress_(read_ += bytes)) throw base::Stopped("the copying was stopped");
  }

  base::FileSystem& files_;
  const OpenedCheckpoint& opened_;
  const Path& partial_;
  const ReadProgress& progress_;
  std::atomic<std::uint64_t> read_ = 0;
};

/// Whether there is something at `target` that is to be replaced. Throws base::InputError when it must not be replaced.
bool may_replace(base::FileSystem& files, const Path& target, const Path& source, bool force) {
  if (!files.exists(target)) return false;
  if (std::filesystem::weakly_canonical(target) == std::filesystem::weakly_canonical(source)) {
    throw base::InputError(base::str(target.string(), " is the checkpoint itself: copy to another directory"));
  }
  if (!force) {
    throw base::InputError(
        base::str("there is ", target.string(), " already: copy to another directory, or replace it with --force"));
  }
  if (files.is_link(target) || !files.exists(target / kManifestName)) {
    throw base::InputError(
        base::str(target.string(), " is no checkpoint, so --force does not delete it: copy to another directory"));
  }
  return true;
}

/// Gives the copy its name and deletes what had that name.
void take_name(base::FileSystem& files, const Path& partial, const Path& target, bool replaces) {
  if (!replaces) return files.rename(partial, target);
  const Path old = partial.string() + ".old";
  files.rename(target, old);
  try {
    files.rename(partial, target);
  } catch (...) {
    files.rename(old, target);
    throw;
  }
  files.remove_all(old);
}

}  // namespace

CopyResult copy(base::FileSystem& files, const Path& step_directory, const Path& directory, int threads, bool force,
                const ReadProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  const OpenedCheckpoint opened = open_checkpoint(files, step_directory);
  Path folder = directory.lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  const std::string name = base::str("step_", opened.manifest.step);
  CopyResult result{folder / name, opened.manifest_text.size() + opened.boxes_bytes.size(), 0};
  for (const auto& shard : opened.manifest.files) result.bytes += shard.bytes;
  may_replace(files, result.path, step_directory, force);

  NewDirectories made(files);
  made.make(folder);
  const Path partial = folder / base::str(".", name, ".copy.", this_process("local", 0).token, ".partial");
  try {
    files.create_directory(partial);
    Copy(files, opened, partial, progress).run(threads);
    take_name(files, partial, result.path, may_replace(files, result.path, step_directory, force));
  } catch (...) {
    try {
      files.remove_all(partial);
    } catch (const base::IoError&) {
      // The first failure is the one to report.
    }
    throw;
  }
  made.keep();
  files.sync_directory(folder);
  result.seconds = base::seconds_since(start);
  return result;
}

}  // namespace trireme::checkpoint
