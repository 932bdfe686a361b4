#include "io/text/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace trireme::text {
namespace {

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

/// An input that can be read only once, from its beginning.
class StreamSource final : public ByteSource {
 public:
  StreamSource(int fd, bool owned, std::string name) : fd_(fd), owned_(owned), name_(std::move(name)) {}
  ~StreamSource() override {
    if (owned_) ::close(fd_);
  }
  std::size_t read(char* data, std::size_t capacity) override {
    ssize_t got = 0;
    do {
      got = ::read(fd_, data, capacity);
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw base::IoError(base::str("cannot read ", name_, ": ", std::strerror(errno)), errno);
    consumed_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  int fd_;
  bool owned_;
  std::string name_;
  std::uint64_t consumed_ = 0;
};

[[noreturn]] void cannot_open(const std::string& path, int code) {
  throw base::InputError(base::str("cannot open input ", path, ": ", std::strerror(code)));
}

}  // namespace

std::string_view PeekSource::peek(std::size_t length) {
  if (used_ > 0) head_.erase(0, std::exchange(used_, 0));
  while (head_.size() < length && !ended_) {
    const std::size_t before = head_.size();
    head_.resize(length);
    const std::size_t got = source_->read(head_.data() + before, length - before);
    head_.resize(before + got);
    ended_ = got == 0;
  }
  return std::string_view(head_).substr(0, length);
}

std::size_t PeekSource::read(char* data, std::size_t capacity) {
  if (used_ == head_.size()) return ended_ ? 0 : source_->read(data, capacity);
  const std::size_t count = std::min(capacity, head_.size() - used_);
  std::memcpy(data, head_.data() + used_, count);
  used_ += count;
  return count;
}

bool is_standard_input(const std::string& path) {
  return path == "-" || path == "/dev/stdin" || path == "/dev/fd/0" || path == "/proc/self/fd/0";
}

std::string display_name(const std::string& path) { return is_standard_input(path) ? "standard input" : path; }

std::unique_ptr<ByteSource> open_raw_source(base::FileSystem& files, const std::string& path) {
  if (is_standard_input(path)) return std::make_unique<StreamSource>(STDIN_FILENO, false, display_name(path));
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) cannot_open(path, errno);
  if (S_ISDIR(info.st_mode)) throw base::InputError(base::str(path, " is a directory, not a file"));
  if (!S_ISREG(info.st_mode)) {
    int fd = -1;
    do {
      fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // waits for the writer of a FIFO
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) cannot_open(path, errno);
    return std::make_unique<StreamSource>(fd, true, path);
  }
  try {
    return std::make_unique<FileSource>(files.open(path, base::OpenMode::kRead));
  } catch (const base::IoError& error) {
    cannot_open(path, error.code());
  }
}

std::string read_whole(ByteSource& source, const std::string& name, std::size_t limit) {
  std::string bytes;
  for (;;) {
    const std::size_t before = bytes.size();
    bytes.resize(before + std::max(std::size_t{1} << 16, before / 2));
    const std::size_t got = source.read(bytes.data() + before, bytes.size() - before);
    bytes.resize(before + got);
    if (got == 0) return bytes;
    if (bytes.size() > limit) {
      throw base::InputError(base::str(name, " holds more than ", limit >> 20, " MiB: too much to hold in memory"));
    }
  }
}

}  // namespace trireme::text
