// The open files of a MemoryFileSystem. Included by memory_file_system.hpp alone.
#pragma once

#include "tests/support/memory_file_system.hpp"

namespace trireme::tests {

class MemoryFileSystem::Handle final : public base::File {
 public:
  Handle(MemoryFileSystem& files, std::shared_ptr<DiskNode> node, Path path, bool direct)
      : files_(files), node_(std::move(node)), path_(std::move(path)), direct_(direct), told_(node_->write_errors) {}

  std::size_t pread(void* data, std::size_t length, std::uint64_t offset) override {
    return files_.call(IoCall::kRead, path_, [&]() -> std::size_t {
      check_alignment(data, length, offset);
      const std::string& bytes = *node_->bytes;
      if (offset >= bytes.size()) return 0;
      const std::size_t there = std::min<std::size_t>(length, bytes.size() - offset);
      std::memcpy(data, bytes.data() + offset, there);
      return there;
    });
  }
  void pwrite(const void* data, std::size_t length, std::uint64_t offset) override {
    const std::lock_guard lock(files_.mutex_);
    const IoFault* fault = files_.meets(IoCall::kWrite);
    if (fault == nullptr) return put(data, length, offset);
    if (fault->kind == IoFault::Kind::kHalfWritten) put(data, length / 2, offset);
    // At the write that a crash cuts short, any part of it may be on the disk: settle() chooses.
    const bool first = files_.fail_at_ == static_cast<long>(files_.calls_.size());
    if (fault->kind == IoFault::Kind::kCrash && first) put(data, length, offset);
    if (fault->kind != IoFault::Kind::kLostLater) fail(fault->code, path_);
    put(data, length, offset);
    node_->lose_dirty_pages();
  }
  void sync() override {
    const std::lock_guard lock(files_.mutex_);
    if (const IoFault* fault = files_.meets(IoCall::kSync)) {
      if (fault->kind == IoFault::Kind::kPagesDropped) node_->lose_dirty_pages();
      told_ = node_->write_errors;
      fail(fault->code, path_);
    }
    if (std::exchange(told_, node_->write_errors) != node_->write_errors) fail(EIO, path_);
    node_->durable_bytes = node_->bytes;
  }
  bool allocate(std::uint64_t length) override {
    return files_.call(IoCall::kAllocate, path_, [&] {
      node_->bytes.change().resize(length);
      return files_.reserves_;
    });
  }
  void truncate(std::uint64_t length) override {
    files_.call(IoCall::kTruncate, path_, [&] { node_->bytes.change().resize(length); });
  }
  std::uint64_t size() override {
    return files_.call(IoCall::kLook, path_, [&] { return node_->bytes->size(); });
  }
  base::ByteRange first_written(std::uint64_t begin, std::uint64_t end) override {
    return {files_.denies_writes_ ? end : begin, end};
  }
  void drop_cache() override {}
  void close() override {
    files_.call(IoCall::kClose, path_, [] {});
  }

 private:
  /// Direct writes are on the disk's own queue at once, but durable only after fsync, like all.
  void put(const void* data, std::size_t length, std::uint64_t offset) {
    check_alignment(data, length, offset);
    if (direct_) files_.direct_writes_.push_back({offset, length});
    std::string& bytes = node_->bytes.change();
    if (bytes.size() < offset + length) bytes.resize(offset + length);
    std::memcpy(bytes.data() + offset, data, length);
  }
  void check_alignment(const void* data, std::size_t length, std::uint64_t offset) const {
    const std::uint64_t all = reinterpret_cast<std::uintptr_t>(data) | length | offset;
    const bool refused = files_.direct_ == Direct::kRefusedAtUse || all % base::kDirectAlignment != 0;
    if (direct_ && refused) fail(EINVAL, path_);
  }

  MemoryFileSystem& files_;
  std::shared_ptr<DiskNode> node_;
  Path path_;
  bool direct_;
  unsigned long told_;
};

inline std::unique_ptr<base::File> MemoryFileSystem::open(const Path& path, base::OpenMode mode) {
  using base::OpenMode;
  const bool creates = mode == OpenMode::kCreate || mode == OpenMode::kCreateExclusive || mode == OpenMode::kAppend;
  return call(creates ? IoCall::kCreate : IoCall::kOpen, path, [&]() -> std::unique_ptr<base::File> {
    DiskNode& parent = directory(path.parent_path(), path);
    const std::string name = path.filename().string();
    const bool direct = mode == OpenMode::kReadDirect || mode == OpenMode::kWriteDirect;
    if (direct && direct_ == Direct::kRefusedAtOpen) fail(EINVAL, path);
    const bool there = parent.entries.contains(name);
    if (there && mode == OpenMode::kCreateExclusive) fail(EEXIST, path);
    if (!there && !creates) fail(ENOENT, path);
    if (!there) parent.change({{{name, std::make_shared<DiskNode>()}}});
    const auto& node = parent.entries.at(name);
    if (node->directory) fail(EISDIR, path);
    if (mode == OpenMode::kCreate) node->bytes = {};
    return std::make_unique<Handle>(*this, node, path, direct);
  });
}

}  // namespace trireme::tests
