// Files and directories in memory that know what a loss of power would take from them.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace trireme::tests {

/// What a loss of power does to what was not synced: bytes of a file since its last fsync, names in a directory since
/// the directory's last one. kRandom: each page of a file and each change of a directory for itself, since POSIX
/// promises no order; but of a rename whose two directories are both unsynced, both halves are kept or none.
enum class AfterCrash { kLoseUnsynced, kKeepAll, kRandom };

/// Bytes that copies share until one of them changes. Not for several threads at once.
class SharedBytes {
 public:
  SharedBytes(std::string bytes = {}) : bytes_(std::make_shared<std::string>(std::move(bytes))) {}
  const std::string& operator*() const { return *bytes_; }
  const std::string* operator->() const { return bytes_.get(); }
  std::string& change() {
    if (bytes_.use_count() > 1) bytes_ = std::make_shared<std::string>(*bytes_);
    return *bytes_;
  }

 private:
  std::shared_ptr<std::string> bytes_;
};

/// A file or a directory.
struct DiskNode {
  using Entries = std::map<std::string, std::shared_ptr<DiskNode>>;
  /// What one call changed.
  struct Change {
    /// Names, and what they name now: null = nothing.
    std::vector<std::pair<std::string, std::shared_ptr<DiskNode>>> names;
    /// The same for both halves of a rename from one directory into another, else 0.
    unsigned long rename = 0;
  };

  bool directory = false;
  SharedBytes bytes;
  SharedBytes durable_bytes;
  Entries entries;
  Entries durable_entries;
  std::vector<Change> changes;  ///< from durable_entries to entries, in order
  /// Write-backs that failed. The kernel tells each open descriptor once of those since it was opened, at fsync.
  unsigned long write_errors = 0;

  /// After a failed write-back the kernel drops the pages or takes them for clean: no later fsync writes them.
  void lose_dirty_pages() {
    bytes = durable_bytes;
    ++write_errors;
  }
  void make_durable() {
    durable_bytes = bytes;
    durable_entries = entries;
    changes.clear();
  }
  void change(Change change) {
    apply(entries, change);
    changes.push_back(std::move(change));
  }
  static void apply(Entries& entries, const Change& change) {
    for (const auto& [name, node] : change.names) {
      if (node) {
        entries[name] = node;
      } else {
        entries.erase(name);
      }
    }
  }
};

/// When the new name of a rename between directories is durable, so is that the old one is gone: a directory never has
/// two names.
inline void forget_old_name(DiskNode& node, unsigned long rename) {
  for (auto it = node.changes.begin(); it != node.changes.end(); ++it) {
    if (it->rename != rename || it->names[0].second) continue;
    DiskNode::apply(node.durable_entries, *it);
    node.changes.erase(it);
    return;
  }
  for (auto& [name, child] : node.entries) forget_old_name(*child, rename);
}

/// A copy that shares nothing, everything in it durable.
inline std::shared_ptr<DiskNode> durable_copy(const DiskNode& node) {
  auto copy = std::make_shared<DiskNode>();
  copy->directory = node.directory;
  copy->bytes = node.bytes;
  for (const auto& [name, child] : node.entries) copy->entries[name] = durable_copy(*child);
  copy->make_durable();
  return copy;
}

/// Old and new pages at random; the length is the old or the new one.
inline std::string torn(const std::string& before, const std::string& after, std::mt19937& random) {
  constexpr std::size_t kPage = 4096;
  std::string bytes = after;
  for (std::size_t at = 0; at < bytes.size(); at += kPage) {
    if (random() % 2 == 0) continue;
    const std::size_t length = std::min(kPage, bytes.size() - at);
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, '\0');  // never written
    if (at < before.size()) std::memcpy(bytes.data() + at, before.data() + at, std::min(length, before.size() - at));
  }
  if (random() % 2 == 0) bytes.resize(before.size());
  return bytes;
}

/// What is there after a loss of power; all of it is durable then.
inline void settle(DiskNode& node, AfterCrash after, unsigned seed, std::mt19937& random) {
  if (after == AfterCrash::kLoseUnsynced) {
    node.entries = node.durable_entries;
    node.bytes = node.durable_bytes;
  } else if (after == AfterCrash::kRandom) {
    node.entries = node.durable_entries;
    for (const auto& change : node.changes) {
      std::mt19937 of_rename(seed + static_cast<unsigned>(change.rename));
      const bool kept = (change.rename != 0 ? of_rename() : random()) % 2 == 0;
      if (kept) DiskNode::apply(node.entries, change);
    }
    if (*node.bytes != *node.durable_bytes) node.bytes = torn(*node.durable_bytes, *node.bytes, random);
  }
  node.make_durable();
  for (auto& [name, child] : node.entries) settle(*child, after, seed, random);
}

}  // namespace trireme::tests
