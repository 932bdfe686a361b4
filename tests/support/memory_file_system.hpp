#pragma once

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "tests/support/memory_disk.hpp"

namespace trireme::tests {

/// What a call of a FileSystem or a File does.
enum class IoCall {
  kLook,
  kList,
  kOpen,
  kCreate,
  kRead,
  kWrite,
  kAllocate,
  kTruncate,
  kSync,
  kClose,
  kMkdir,
  kRename,
  kRemove,
  kSyncDirectory
};

/// What goes wrong at a call.
struct IoFault {
  enum class Kind {
    kFails,         ///< does nothing and fails with `code`
    kHalfWritten,   ///< a write: the first half is there, then it fails with `code`
    kDoneButFails,  ///< it is done, and fails with `code` all the same: a network file system that repeats a request
    kPagesDropped,  ///< an fsync: fails with `code`, what was dirty is lost, the next fsync succeeds
    kLostLater,     ///< a write that succeeds, but the kernel cannot write it back: lost, the next fsync says EIO
    kFullFrom,      ///< from here on every call that takes space fails with `code`, until heal()
    kDeadFrom,      ///< from here on every call fails with `code`, until heal()
    kCrash,         ///< the same, and restart() then says what is left
  };
  Kind kind = Kind::kFails;
  int code = EIO;
};

/// A file system in memory whose calls can be made to fail and which can lose power. Safe to use by several threads.
class MemoryFileSystem final : public base::FileSystem {
 public:
  using AfterCrash = tests::AfterCrash;

  /// Holds an empty directory /run.
  MemoryFileSystem() : root_(std::make_shared<DiskNode>()) {
    root_->directory = true;
    root_->entries["run"] = std::make_shared<DiskNode>();
    root_->entries["run"]->directory = true;
    root_->make_durable();
  }
  /// A copy of the files, all durable, on a disk without faults. Nobody may use `other` meanwhile.
  MemoryFileSystem(const MemoryFileSystem& other)
      : root_(durable_copy(*other.root_)), direct_(other.direct_), reserves_(other.reserves_) {}

  /// The n-th call from now on (1 = the next) meets this fault.
  void fail_at(long n, IoFault fault) {
    fail_at_ = n;
    calls_.clear();
    fault_ = fault;
    failed_ = false;
  }
  void fail_at(long n, int code) { fail_at(n, IoFault{IoFault::Kind::kFails, code}); }
  void crash_at(long n) { fail_at(n, IoFault{IoFault::Kind::kCrash, EIO}); }
  /// Whether the fault has been met.
  bool has_failed() const { return failed_; }
  /// The calls since fail_at(), or since the beginning.
  const std::vector<IoCall>& calls() const { return calls_; }
  /// No faults from now on.
  void heal() {
    fail_at_ = 0;
    failed_ = false;
  }
  /// What is there after a crash.
  void restart(AfterCrash after, unsigned seed = 0) {
    heal();
    std::mt19937 random(seed);
    settle(*root_, after, seed, random);
  }

  /// Direct I/O as file systems have it: really, not at all, or promised at open and refused afterwards.
  enum class Direct { kTaken, kRefusedAtOpen, kRefusedAtUse };
  void set_direct(Direct direct) { direct_ = direct; }
  struct Write {
    std::uint64_t offset;
    std::uint64_t length;
  };
  const std::vector<Write>& direct_writes() const { return direct_writes_; }
  /// Whether allocate() can reserve space; else it answers as for EOPNOTSUPP.
  void set_reserves(bool reserves) { reserves_ = reserves; }

  /// From now on files tell that nothing was ever written to them, as a broken file system may.
  void deny_writes() { denies_writes_ = true; }

  /// A file's bytes, to damage them.
  std::string& bytes(const Path& path) {
    DiskNode* node = find(path);
    if (node == nullptr || node->directory) throw std::logic_error("no file " + path.string());
    return node->bytes.change();
  }

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override;
  bool exists(const Path& path) override {
    return call(IoCall::kLook, path, [&] { return find(path) != nullptr; });
  }
  bool is_directory(const Path& path) override {
    return call(IoCall::kLook, path, [&] {
      const DiskNode* node = find(path);
      return node != nullptr && node->directory;
    });
  }
  bool is_link(const Path& path) override {
    return call(IoCall::kLook, path, [] { return false; });
  }
  std::vector<std::string> list(const Path& path) override {
    return call(IoCall::kList, path, [&] {
      std::vector<std::string> names;
      for (const auto& [name, child] : directory(path, path).entries) names.push_back(name);
      return names;
    });
  }
  void create_directory(const Path& path) override {
    call(IoCall::kMkdir, path, [&] {
      auto node = std::make_shared<DiskNode>();
      node->directory = true;
      DiskNode& parent = directory(path.parent_path(), path);
      if (parent.entries.contains(path.filename().string())) fail(EEXIST, path);
      parent.change({{{path.filename().string(), node}}});
    });
  }
  void rename(const Path& from, const Path& to) override {
    call(IoCall::kRename, from, [&] { do_rename(from, to); });
  }
  void remove(const Path& path) override {
    call(IoCall::kRemove, path, [&] {
      const DiskNode* node = find(path);
      if (node == nullptr) fail(ENOENT, path);
      if (node->directory && !node->entries.empty()) fail(ENOTEMPTY, path);
      directory(path.parent_path(), path).change({{{path.filename().string(), nullptr}}});
    });
  }
  void sync_directory(const Path& path) override {
    call(IoCall::kSyncDirectory, path, [&] {
      DiskNode& node = directory(path, path);
      for (const auto& change : node.changes) {
        if (change.rename != 0 && change.names[0].second) forget_old_name(*root_, change.rename);
      }
      node.make_durable();
    });
  }
  void create_symlink(const Path&, const Path& link) override { fail(ENOTSUP, link); }

 private:
  class Handle;

  [[noreturn]] static void fail(int code, const Path& path) {
    throw base::IoError(base::str("cannot use ", path.string(), ": ", std::strerror(code)), code);
  }

  static bool takes_space(IoCall call) {
    return call == IoCall::kCreate || call == IoCall::kWrite || call == IoCall::kAllocate || call == IoCall::kMkdir;
  }

  /// Counts a call. The fault that it meets, or nothing.
  const IoFault* meets(IoCall call) {
    calls_.push_back(call);
    const long n = static_cast<long>(calls_.size());
    using Kind = IoFault::Kind;
    const bool lasts = fault_.kind == Kind::kFullFrom || fault_.kind == Kind::kDeadFrom || fault_.kind == Kind::kCrash;
    const bool spares = fault_.kind == Kind::kFullFrom && !takes_space(call);
    if (fail_at_ == 0 || spares || (lasts ? n < fail_at_ : n != fail_at_)) return nullptr;
    failed_ = true;
    return &fault_;
  }

  /// Does `action` unless the call meets a fault.
  template <typename Action>
  auto call(IoCall kind, const Path& path, Action&& action) -> decltype(action()) {
    const std::lock_guard lock(mutex_);
    if (const IoFault* fault = meets(kind)) {
      if (fault->kind == IoFault::Kind::kDoneButFails) action();
      fail(fault->code, path);
    }
    return action();
  }

  DiskNode* find(const Path& path) {
    DiskNode* node = root_.get();
    for (const auto& part : path.relative_path()) {
      if (part.empty()) continue;  // "a/"
      const auto it = node->entries.find(part.string());
      if (it == node->entries.end()) return nullptr;
      node = it->second.get();
    }
    return node;
  }
  DiskNode& directory(const Path& path, const Path& subject) {
    DiskNode* node = find(path);
    if (node == nullptr || !node->directory) fail(ENOENT, subject);
    return *node;
  }
  void do_rename(const Path& from, const Path& to) {
    DiskNode& source = directory(from.parent_path(), from);
    DiskNode& target = directory(to.parent_path(), to);
    const std::string old_name = from.filename().string();
    const std::string new_name = to.filename().string();
    const auto it = source.entries.find(old_name);
    if (it == source.entries.end()) fail(ENOENT, from);
    const auto moved = it->second;
    const auto there = target.entries.find(new_name);
    if (there != target.entries.end()) {
      if (there->second->directory != moved->directory) fail(moved->directory ? ENOTDIR : EISDIR, to);
      if (!there->second->entries.empty()) fail(ENOTEMPTY, to);
    }
    if (&source == &target) return source.change({{{old_name, nullptr}, {new_name, moved}}});
    ++renames_;
    source.change({{{old_name, nullptr}}, renames_});
    target.change({{{new_name, moved}}, renames_});
  }

  std::mutex mutex_;
  std::shared_ptr<DiskNode> root_;
  unsigned long renames_ = 0;  ///< between directories
  std::vector<IoCall> calls_;
  long fail_at_ = 0;
  IoFault fault_;
  bool failed_ = false;
  Direct direct_ = Direct::kTaken;
  bool denies_writes_ = false;
  bool reserves_ = true;
  std::vector<Write> direct_writes_;
};

}  // namespace trireme::tests

#include "tests/support/memory_file.hpp"
