#include "io/checkpoint/save/body_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/box_table.hpp"

namespace trireme::checkpoint {
namespace {

/// Bytes are checksummed and copied in pieces of this size, which stay in the cache between the two.
constexpr std::uint64_t kCacheBytes = 256 << 10;
/// Shorter pieces go through the page cache.
constexpr std::uint64_t kLeastDirect = 1 << 20;

/// Continues `checksums` of a piece with `data`, its bytes [at, at + length), and copies them to `copy` unless it is
/// null.
void checksum_and_copy(const std::byte* data, std::uint64_t length, std::uint64_t at, std::byte* copy,
                       std::vector<std::uint32_t>& checksums) {
  for (std::uint64_t done = 0; done < length;) {
    const std::uint64_t in_block = kBlockBytes - (at + done) % kBlockBytes;
    const std::uint64_t step = std::min({length - done, kCacheBytes, in_block});
    std::uint32_t& checksum = checksums[(at + done) / kBlockBytes];
    checksum = base::crc32c(data + done, step, checksum);
    if (copy != nullptr) std::memcpy(copy + done, data + done, step);
    done += step;
  }
}

}  // namespace

BodyWriter::BodyWriter(base::FileSystem& files, const std::filesystem::path& path, base::File& file)
    : files_(files), path_(path), file_(file) {}

BodyWriter::~BodyWriter() = default;

std::vector<std::uint32_t> BodyWriter::write(const std::byte* data, std::uint64_t length, std::uint64_t offset,
                                             Data after) {
  std::vector<std::uint32_t> checksums((length + kBlockBytes - 1) / kBlockBytes, 0);
  const bool direct = length >= kLeastDirect && goes_direct();
  for (std::uint64_t at = 0; at < length;) {
    const std::uint64_t into_page = (offset + at) % base::kDirectAlignment;
    // A piece that begins within a page goes through the cache to the page's end, and then past it.
    const std::uint64_t limit =
        direct && into_page != 0 ? base::kDirectAlignment - into_page : kChunkBytes - (offset + at) % kChunkBytes;
    const std::uint64_t chunk = std::min(length - at, limit);
    const std::uint64_t whole_pages = direct && into_page == 0 ? chunk - chunk % base::kDirectAlignment : 0;
    if (whole_pages > 0) {
      wait_for_all_but(kUnderWay - 1);
      const std::byte* from = data + at;
      std::byte* copy = nullptr;
      const bool aligned = reinterpret_cast<std::uintptr_t>(from) % base::kDirectAlignment == 0;
      if (after == Data::kMayChange || !aligned) {
        base::AlignedBuffer& buffer = buffers_[next_buffer_++ % buffers_.size()];
        if (buffer.size() == 0) buffer = base::AlignedBuffer(kChunkBytes);
        from = copy = buffer.data();
      }
      checksum_and_copy(data + at, whole_pages, at, copy, checksums);
      start_direct(from, whole_pages, offset + at);
    }
    for (std::uint64_t done = whole_pages; done < chunk;) {
      const std::uint64_t step = std::min(chunk - done, kLeastDirect);  // still in cache when it is written
      checksum_and_copy(data + at + done, step, at + done, nullptr, checksums);
      write_buffered(data + at + done, step, offset + at + done);
      done += step;
    }
    at += chunk;
  }
  return checksums;
}

void BodyWriter::start_direct(const std::byte* data, std::uint64_t length, std::uint64_t offset) {
  under_way_.push_back(std::async(std::launch::async, [this, data, length, offset] {
    try {
      direct_->pwrite(data, length, offset);
    } catch (const base::IoError& error) {
      if (error.code() != EINVAL) throw;  // EINVAL: direct I/O was promised at open and is refused now
      write_buffered(data, length, offset);
    }
  }));
}

void BodyWriter::finish() { wait_for_all_but(0); }

bool BodyWriter::goes_direct() {
  if (!probed_) {
    probed_ = true;
    try {
      direct_ = files_.open(path_, base::OpenMode::kWriteDirect);
    } catch (const base::IoError& error) {
      if (error.code() != EINVAL && error.code() != EOPNOTSUPP) throw;
    }
  }
  return direct_ != nullptr;
}

void BodyWriter::write_buffered(const std::byte* data, std::uint64_t length, std::uint64_t offset) {
  for (std::uint64_t at = 0; at < length;) {
    const std::uint64_t step = std::min(length - at, kLeastDirect);
    file_.pwrite(data + at, step, offset + at);
    file_.start_write_back(offset + at, step);  // fsync then finds little left to write
    at += step;
  }
}

void BodyWriter::wait_for_all_but(std::size_t allowed) {
  while (under_way_.size() > allowed) {
    std::future<void> first = std::move(under_way_.front());
    under_way_.pop_front();
    first.get();
  }
}

}  // namespace trireme::checkpoint
