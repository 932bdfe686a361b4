#include "io/text/byte_source.hpp"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace trireme::text {
namespace {

constexpr std::size_t kInputBuffer = std::size_t{1} << 20;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

class FileSource final : public ByteSource {
 public:
  explicit FileSource(std::unique_ptr<base::File> file) : file_(std::move(file)) {}
  std::size_t read(char* data, std::size_t capacity) override {
    const std::size_t got = file_->pread(data, capacity, offset_);
    offset_ += got;
    return got;
  }
  std::uint64_t consumed() const override { return offset_; }

 private:
  std::unique_ptr<base::File> file_;
  std::uint64_t offset_ = 0;
};

class StandardInput final : public ByteSource {
 public:
  std::size_t read(char* data, std::size_t capacity) override {
    for (;;) {
      const ssize_t got = ::read(STDIN_FILENO, data, capacity);
      if (got >= 0) {
        consumed_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) throw base::IoError(base::str("cannot read standard input: ", std::strerror(errno)), errno);
    }
  }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  std::uint64_t consumed_ = 0;
};

/// Lets the first bytes be looked at before they are read.
class PeekSource final : public ByteSource {
 public:
  explicit PeekSource(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  /// The next `length` bytes, fewer at the end; they stay to be read.
  std::string_view peek(std::size_t length) {
    while (head_.size() - used_ < length) {
      char buffer[16];
      const std::size_t got = source_->read(buffer, std::min(sizeof buffer, length - (head_.size() - used_)));
      if (got == 0) break;
      head_.append(buffer, got);
    }
    return std::string_view(head_).substr(used_, length);
  }
  std::size_t read(char* data, std::size_t capacity) override {
    if (used_ == head_.size()) return source_->read(data, capacity);
    const std::size_t count = std::min(capacity, head_.size() - used_);
    std::memcpy(data, head_.data() + used_, count);
    used_ += count;
    return count;
  }
  std::uint64_t consumed() const override { return source_->consumed() - (head_.size() - used_); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string head_;
  std::size_t used_ = 0;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> source, std::string name)
      : source_(std::move(source)), name_(std::move(name)), input_(kInputBuffer) {
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw base::Error("cannot start zlib: out of memory");
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }

  std::size_t read(char* data, std::size_t capacity) override {
    stream_.next_out = reinterpret_cast<Bytef*>(data);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(capacity, 1U << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room && !done_) step();
    return room - stream_.avail_out;
  }
  std::uint64_t consumed() const override { return source_->consumed(); }

 private:
  bool refill() {
    if (stream_.avail_in == 0) {
      stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
      stream_.avail_in = static_cast<uInt>(source_->read(input_.data(), input_.size()));
    }
    return stream_.avail_in != 0;
  }
  void step() {
    if (!refill()) {
      if (!member_ended_)
        throw base::InputError(base::str(name_, " ends in the middle of its gzip data: fetch the file again"));
      done_ = true;
      return;
    }
    if (member_ended_) {
      if (::inflateReset(&stream_) != Z_OK) throw base::Error("cannot restart zlib");
      member_ended_ = false;
    }
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      member_ended_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      throw base::InputError(base::str(name_, " holds damaged gzip data (", stream_.msg ? stream_.msg : "zlib error",
                                       "): fetch the file again"));
    }
  }

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::vector<char> input_;
  z_stream stream_{};
  bool member_ended_ = false;
  bool done_ = false;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> source, std::string name)
      : source_(std::move(source)), name_(std::move(name)), input_(kInputBuffer), stream_(::ZSTD_createDStream()) {
    if (stream_ == nullptr) throw base::Error("cannot start zstd: out of memory");
  }
  ~ZstdSource() override { ::ZSTD_freeDStream(stream_); }

  std::size_t read(char* data, std::size_t capacity) override {
    ZSTD_outBuffer out{data, capacity, 0};
    while (out.pos == 0) {
      // A full output buffer may have left bytes inside the decoder: call it also without new input.
      if (buffer_.pos == buffer_.size && !decoder_holds_output_) {
        buffer_ = {input_.data(), source_->read(input_.data(), input_.size()), 0};
        if (buffer_.size == 0) {
          if (!frame_ended_) {
            throw base::InputError(base::str(name_, " ends in the middle of its zstd data: fetch the file again"));
          }
          return 0;
        }
      }
      const std::size_t result = ::ZSTD_decompressStream(stream_, &out, &buffer_);
      if (::ZSTD_isError(result)) {
        throw base::InputError(
            base::str(name_, " holds damaged zstd data (", ::ZSTD_getErrorName(result), "): fetch the file again"));
      }
      frame_ended_ = result == 0;
      decoder_holds_output_ = !frame_ended_ && out.pos == out.size;
    }
    return out.pos;
  }
  std::uint64_t consumed() const override { return source_->consumed(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::vector<char> input_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer buffer_{nullptr, 0, 0};
  bool frame_ended_ = false;
  bool decoder_holds_output_ = false;
};

std::unique_ptr<ByteSource> open_raw(base::FileSystem& files, const std::string& path) {
  if (path == "-") return std::make_unique<StandardInput>();
  if (files.is_directory(path)) throw base::InputError(base::str(path, " is a directory, not a file"));
  try {
    return std::make_unique<FileSource>(files.open(path, base::OpenMode::kRead));
  } catch (const base::IoError& error) {
    throw base::InputError(base::str("cannot open input ", path, ": ", std::strerror(error.code())));
  }
}

}  // namespace

std::unique_ptr<ByteSource> open_byte_source(base::FileSystem& files, const std::string& path) {
  auto source = std::make_unique<PeekSource>(open_raw(files, path));
  const std::string name = path == "-" ? "standard input" : path;
  const std::string magic(source->peek(4));
  if (magic.starts_with(kGzipMagic)) return std::make_unique<GzipSource>(std::move(source), name);
  if (magic == kZstdMagic) return std::make_unique<ZstdSource>(std::move(source), name);
  for (const char* suffix : {".gz", ".zst"}) {
    if (path.ends_with(suffix)) {
      throw base::InputError(
          base::str(path, " is named ", suffix, " but does not hold such data: fetch it again, or rename it"));
    }
  }
  return source;
}

}  // namespace trireme::text
