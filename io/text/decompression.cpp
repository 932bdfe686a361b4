#include "io/text/decompression.hpp"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace trireme::text {
namespace {

constexpr std::size_t kInputBuffer = std::size_t{1} << 20;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kSkippableMagic = "\x2a\x4d\x18";  // after a byte 0x50 to 0x5f

/// The common part of both formats: parts one after another (members, frames), then perhaps zeros.
class Decompressor : public ByteSource {
 public:
  Decompressor(std::unique_ptr<ByteSource> source, std::string name, const char* format, ExpansionLimit limit)
      : source_(std::move(source)), name_(std::move(name)), format_(format), limit_(limit), input_(kInputBuffer) {}
  std::uint64_t consumed() const final { return source_->consumed(); }

 protected:
  /// Makes sure that unread_ is not empty; returns false at the end of the file.
  bool refill() {
    if (unread_.empty()) unread_ = {input_.data(), source_->read(input_.data(), input_.size())};
    return !unread_.empty();
  }
  /// Called between two parts: returns whether there is another. Zeros up to the end of the file are not a part.
  bool next_part() {
    bool zeros = false;
    while (refill()) {
      const std::size_t other = unread_.find_first_not_of('\0');
      if (other == 0) {
        later_part_ = position();
        if (zeros) something_else();
        return true;
      }
      zeros = true;
      unread_.remove_prefix(std::min(other, unread_.size()));
    }
    return false;
  }
  std::uint64_t position() const { return source_->consumed() - unread_.size(); }

  [[noreturn]] void cut_off() const {
    throw base::InputError(base::str(name_, " ends in the middle of its ", format_, " data, after ", position(),
                                     " bytes: fetch the file again"));
  }
  [[noreturn]] void damaged(const char* why) const {
    throw base::InputError(base::str(name_, " holds damaged ", format_, " data before byte ", position(), " (", why,
                                     "): fetch the file again"));
  }
  [[noreturn]] void something_else() const {
    throw base::InputError(base::str(name_, " holds something else after its ", format_, " data, from byte ",
                                     later_part_, " on: fetch the file again, or cut it off there"));
  }
  void count_output(std::size_t bytes) {
    produced_ += bytes;
    if (static_cast<double>(produced_) <= kFreeExpansion + limit_.ratio * static_cast<double>(position())) return;
    throw base::InputError(base::str(name_, ": its first ", position(), " bytes became more than ", produced_ >> 20,
                                     " MiB, over ", limit_.ratio,
                                     " times as much, which looks like a decompression bomb: if it is none, raise "
                                     "--max-expansion"));
  }

  std::unique_ptr<ByteSource> source_;
  const std::string name_;
  const char* const format_;
  const ExpansionLimit limit_;
  std::string_view unread_;       // the part of input_ that is not used yet
  std::uint64_t later_part_ = 0;  // where the part being read began; 0 for the first

 private:
  std::vector<char> input_;
  std::uint64_t produced_ = 0;
};

class GzipSource final : public Decompressor {
 public:
  GzipSource(std::unique_ptr<ByteSource> source, std::string name, ExpansionLimit limit)
      : Decompressor(std::move(source), std::move(name), "gzip", limit) {
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw base::Error("cannot start zlib: out of memory");
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }

  std::size_t read(char* data, std::size_t capacity) override {
    stream_.next_out = reinterpret_cast<Bytef*>(data);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(capacity, 1U << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room && step()) {
    }
    count_output(room - stream_.avail_out);
    return room - stream_.avail_out;
  }

 private:
  /// Returns false at the end.
  bool step() {
    if (member_ended_) {
      if (!next_part()) return false;
      if (!unread_.starts_with(kGzipMagic.substr(0, unread_.size()))) something_else();
      if (::inflateReset(&stream_) != Z_OK) throw base::Error("cannot restart zlib");
      member_ended_ = false;
    }
    if (!refill()) cut_off();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(unread_.data()));
    stream_.avail_in = static_cast<uInt>(unread_.size());
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    unread_.remove_prefix(unread_.size() - stream_.avail_in);
    if (result == Z_MEM_ERROR) throw base::Error("zlib is out of memory");
    member_ended_ = result == Z_STREAM_END;
    if (!member_ended_ && result != Z_OK && result != Z_BUF_ERROR) {
      damaged(stream_.msg != nullptr ? stream_.msg : "zlib error");
    }
    return true;
  }

  z_stream stream_{};
  bool member_ended_ = false;
};

class ZstdSource final : public Decompressor {
 public:
  ZstdSource(std::unique_ptr<ByteSource> source, std::string name, ExpansionLimit limit)
      : Decompressor(std::move(source), std::move(name), "zstd", limit), stream_(::ZSTD_createDStream()) {
    if (stream_ == nullptr) throw base::Error("cannot start zstd: out of memory");
    const int widest = ::ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound;
    if (::ZSTD_isError(::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, widest))) {
      throw base::Error("zstd does not take its own largest window");
    }
  }
  ~ZstdSource() override { ::ZSTD_freeDStream(stream_); }

  std::size_t read(char* data, std::size_t capacity) override {
    ZSTD_outBuffer out{data, capacity, 0};
    while (out.pos == 0) {
      if (frame_ended_ && !next_part()) return 0;
      // After the output buffer was full the decoder may hold more output, so it is called even without new input.
      if (!decoder_holds_output_ && !refill()) cut_off();
      ZSTD_inBuffer in{unread_.data(), unread_.size(), 0};
      const std::size_t result = ::ZSTD_decompressStream(stream_, &out, &in);
      unread_.remove_prefix(in.pos);
      if (::ZSTD_isError(result)) fail(result);
      frame_ended_ = result == 0;
      decoder_holds_output_ = !frame_ended_ && out.pos == out.size;
    }
    count_output(out.pos);
    return out.pos;
  }

 private:
  [[noreturn]] void fail(std::size_t result) const {
    switch (::ZSTD_getErrorCode(result)) {
      case ZSTD_error_memory_allocation:
        throw base::Error(base::str(name_,
                                    ": no memory for the window that its zstd data asks for, 2 GiB at most: use "
                                    "a machine with more, or compress it anew without --long"));
      case ZSTD_error_dictionary_wrong:
        throw base::InputError(base::str(name_, " was compressed with a zstd dictionary: decompress it with zstd -D"));
      case ZSTD_error_prefix_unknown:
        if (later_part_ > 0) something_else();
        [[fallthrough]];
      default: damaged(::ZSTD_getErrorName(result));
    }
  }

  ZSTD_DStream* stream_;
  bool frame_ended_ = false;
  bool decoder_holds_output_ = false;
};

bool begins_zstd(std::string_view head) {
  if (head.starts_with(kZstdMagic)) return true;
  return head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xF0) == 0x50 &&
         head.substr(1).starts_with(kSkippableMagic);
}

}  // namespace

std::unique_ptr<PeekSource> decompressed(std::unique_ptr<PeekSource> source, const std::string& name,
                                         ExpansionLimit limit) {
  const std::string_view head = source->peek(4);
  if (head.starts_with(kGzipMagic)) {
    return std::make_unique<PeekSource>(std::make_unique<GzipSource>(std::move(source), name, limit));
  }
  if (begins_zstd(head)) {
    return std::make_unique<PeekSource>(std::make_unique<ZstdSource>(std::move(source), name, limit));
  }
  return source;
}

}  // namespace trireme::text
