#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/file_system.hpp"

namespace trireme::tests {

/// A file system in memory that knows what a crash would lose: bytes of a file since its last sync, and names in a
/// directory since its last sync_directory. Calls can be made to fail. Safe to use by several threads.
class MemoryFileSystem final : public base::FileSystem {
 public:
  enum class AfterCrash { kLoseUnsynced, kKeepAll, kRandom };

  MemoryFileSystem() : root_(std::make_shared<Node>()) {
    root_->directory = true;
    root_->durable_entries["run"] = root_->entries["run"] = std::make_shared<Node>();
    root_->entries["run"]->directory = true;
  }

  /// The n-th call from now on (1 = the next) fails with `code`; a write that fails has written half.
  void fail_at(long n, int code) { arm(n, code, false); }
  /// From the n-th call on everything fails, until restart().
  void crash_at(long n) { arm(n, EIO, true); }
  /// Whether the armed failure has happened.
  bool has_failed() const { return failed_; }
  long calls() const { return calls_; }

  /// What is there after a crash.
  void restart(AfterCrash after, unsigned seed = 0) {
    fail_at_ = 0;
    crashed_ = false;
    failed_ = false;
    std::mt19937 random(seed);
    settle(*root_, after, random);
  }

  /// Direct I/O as file systems have it: really, not at all, or promised at open and refused afterwards.
  enum class Direct { kTaken, kRefusedAtOpen, kRefusedAtUse };
  void set_direct(Direct direct) { direct_ = direct; }
  long direct_writes() const { return direct_writes_; }

  /// A file's bytes, to damage them.
  std::string& bytes(const Path& path) {
    Node* node = find(path);
    if (node == nullptr || node->directory) throw std::logic_error("no file " + path.string());
    return node->bytes;
  }

  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    const std::lock_guard lock(mutex_);
    step("open", path);
    Node& parent = directory_of(path);
    const std::string name = path.filename().string();
    auto& entry = parent.entries;
    auto found = entry.find(name);
    const bool creates =
        mode == base::OpenMode::kCreate || mode == base::OpenMode::kCreateExclusive || mode == base::OpenMode::kAppend;
    const bool direct = mode == base::OpenMode::kReadDirect || mode == base::OpenMode::kWriteDirect;
    if (direct && direct_ == Direct::kRefusedAtOpen) fail(EINVAL, path);
    if (found != entry.end() && mode == base::OpenMode::kCreateExclusive) fail(EEXIST, path);
    if (found == entry.end()) {
      if (!creates) fail(ENOENT, path);
      found = entry.emplace(name, std::make_shared<Node>()).first;
    }
    if (found->second->directory) fail(EISDIR, path);
    if (mode == base::OpenMode::kCreate) found->second->bytes.clear();
    return std::make_unique<Handle>(*this, found->second, path, direct);
  }
  bool exists(const Path& path) override {
    const std::lock_guard lock(mutex_);
    return find(path) != nullptr;
  }
  bool is_directory(const Path& path) override {
    const std::lock_guard lock(mutex_);
    const Node* node = find(path);
    return node != nullptr && node->directory;
  }
  bool is_link(const Path&) override { return false; }
  std::vector<std::string> list(const Path& path) override {
    const std::lock_guard lock(mutex_);
    step("list", path);
    const Node* node = find(path);
    if (node == nullptr || !node->directory) fail(ENOENT, path);
    std::vector<std::string> names;
    for (const auto& [name, child] : node->entries) names.push_back(name);
    return names;
  }
  void create_directory(const Path& path) override {
    const std::lock_guard lock(mutex_);
    step("mkdir", path);
    auto node = std::make_shared<Node>();
    node->directory = true;
    if (!directory_of(path).entries.emplace(path.filename().string(), node).second) fail(EEXIST, path);
  }
  void rename(const Path& from, const Path& to) override {
    const std::lock_guard lock(mutex_);
    step("rename", from);
    Node& source = directory_of(from);
    const auto it = source.entries.find(from.filename().string());
    if (it == source.entries.end()) fail(ENOENT, from);
    auto& target = directory_of(to).entries[to.filename().string()];
    if (target && target->directory && !target->entries.empty()) fail(ENOTEMPTY, to);
    target = it->second;
    source.entries.erase(from.filename().string());
  }
  void remove(const Path& path) override {
    const std::lock_guard lock(mutex_);
    step("remove", path);
    const Node* node = find(path);
    if (node == nullptr) fail(ENOENT, path);
    if (node->directory && !node->entries.empty()) fail(ENOTEMPTY, path);
    directory_of(path).entries.erase(path.filename().string());
  }
  void sync_directory(const Path& path) override {
    const std::lock_guard lock(mutex_);
    step("fsync directory", path);
    Node* node = find(path);
    if (node == nullptr) fail(ENOENT, path);
    node->durable_entries = node->entries;
  }
  void create_symlink(const Path&, const Path& link) override { fail(ENOTSUP, link); }

 private:
  struct Node {
    bool directory = false;
    std::string bytes;
    std::string durable_bytes;
    std::map<std::string, std::shared_ptr<Node>> entries;
    std::map<std::string, std::shared_ptr<Node>> durable_entries;
  };

  class Handle final : public base::File {
   public:
    Handle(MemoryFileSystem& files, std::shared_ptr<Node> node, Path path, bool direct)
        : files_(files), node_(std::move(node)), path_(std::move(path)), direct_(direct) {}

    std::size_t pread(void* data, std::size_t length, std::uint64_t offset) override {
      const std::lock_guard lock(files_.mutex_);
      files_.step("read", path_);
      check_alignment(data, length, offset);
      if (offset >= node_->bytes.size()) return 0;
      length = std::min(length, node_->bytes.size() - offset);
      std::memcpy(data, node_->bytes.data() + offset, length);
      return length;
    }
    void pwrite(const void* data, std::size_t length, std::uint64_t offset) override {
      const std::lock_guard lock(files_.mutex_);
      check_alignment(data, length, offset);
      if (direct_) ++files_.direct_writes_;
      if (node_->bytes.size() < offset + length) node_->bytes.resize(offset + length);
      if (files_.step_fails()) {
        if (!files_.crashed_) std::memcpy(node_->bytes.data() + offset, data, length / 2);
        fail(files_.code_, path_);
      }
      std::memcpy(node_->bytes.data() + offset, data, length);
    }
    void sync() override {
      const std::lock_guard lock(files_.mutex_);
      files_.step("fsync", path_);
      node_->durable_bytes = node_->bytes;
    }
    bool allocate(std::uint64_t length) override {
      truncate(length);
      return true;
    }
    void truncate(std::uint64_t length) override {
      const std::lock_guard lock(files_.mutex_);
      files_.step("truncate", path_);
      node_->bytes.resize(length);
    }
    std::uint64_t size() override {
      const std::lock_guard lock(files_.mutex_);
      files_.step("size of", path_);
      return node_->bytes.size();
    }
    void drop_cache() override {}
    void close() override {
      const std::lock_guard lock(files_.mutex_);
      files_.step("close", path_);
    }

   private:
    void check_alignment(const void* data, std::size_t length, std::uint64_t offset) const {
      const std::uint64_t all = reinterpret_cast<std::uintptr_t>(data) | length | offset;
      const bool refused = files_.direct_ == Direct::kRefusedAtUse || all % base::kDirectAlignment != 0;
      if (direct_ && refused) fail(EINVAL, path_);
    }

    MemoryFileSystem& files_;
    std::shared_ptr<Node> node_;
    Path path_;
    bool direct_;
  };

  void arm(long n, int code, bool crash) {
    fail_at_ = n;
    calls_ = 0;
    code_ = code;
    crash_ = crash;
    crashed_ = false;
    failed_ = false;
  }
  [[noreturn]] static void fail(int code, const Path& path) {
    throw base::IoError(base::str("cannot use ", path.string(), ": ", std::strerror(code)), code);
  }
  /// Counts a call; true when it is to fail.
  bool step_fails() {
    ++calls_;
    if (crashed_) return true;
    if (calls_ != fail_at_) return false;
    failed_ = true;
    crashed_ = crash_;
    return true;
  }
  void step(const char*, const Path& path) {
    if (step_fails()) fail(code_, path);
  }

  Node* find(const Path& path) {
    Node* node = root_.get();
    for (const auto& part : path.relative_path()) {
      if (part.empty()) continue;  // "a/"
      const auto it = node->entries.find(part.string());
      if (it == node->entries.end()) return nullptr;
      node = it->second.get();
    }
    return node;
  }
  Node& directory_of(const Path& path) {
    Node* node = find(path.parent_path());
    if (node == nullptr || !node->directory) fail(ENOENT, path);
    return *node;
  }

  static void settle(Node& node, AfterCrash after, std::mt19937& random) {
    const bool lose = after == AfterCrash::kLoseUnsynced || (after == AfterCrash::kRandom && random() % 2 == 0);
    if (lose) {
      node.entries = node.durable_entries;
      node.bytes = node.durable_bytes;
    } else if (after == AfterCrash::kRandom && random() % 2 == 0 && node.bytes != node.durable_bytes) {
      const std::size_t kept = random() % (node.bytes.size() + 1);  // a torn write: new bytes up to here
      std::string torn = node.durable_bytes;
      torn.resize(std::max(torn.size(), kept));
      std::copy_n(node.bytes.begin(), kept, torn.begin());
      node.bytes = torn;
    }
    node.durable_entries = node.entries;
    node.durable_bytes = node.bytes;
    for (auto& [name, child] : node.entries) settle(*child, after, random);
  }

  std::mutex mutex_;
  std::shared_ptr<Node> root_;
  long fail_at_ = 0;
  long calls_ = 0;
  int code_ = 0;
  bool crash_ = false;
  bool crashed_ = false;
  bool failed_ = false;
  Direct direct_ = Direct::kTaken;
  long direct_writes_ = 0;
};

}  // namespace trireme::tests
