#include "base/file_system.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/file_limit.hpp"
#include "base/posix_file.hpp"
#include "base/random_name.hpp"
#include "base/retry_io.hpp"

namespace trireme::base {
namespace {

[[noreturn]] void fail(const char* call, const std::string& path) {
  const int code = errno;
  throw IoError(str(call, " ", path, ": ", failure_of_write(code)), code);
}

/// Whether the file lives only in the page cache (tmpfs). Newer kernels accept O_DIRECT there and ignore it.
bool lies_in_memory(int fd) {
  struct statfs facts {};
  if (::fstatfs(fd, &facts) != 0) return false;
  return facts.f_type == TMPFS_MAGIC || facts.f_type == RAMFS_MAGIC;
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override {
    if (fd_ >= 0) ::close(fd_);
  }

  std::size_t pread(void* data, std::size_t length, std::uint64_t offset) override {
    const auto read = [this](void* to, std::size_t n, std::uint64_t at) {
      return ::pread(fd_, to, n, static_cast<off_t>(at));
    };
    const ssize_t done = read_fully(read, data, length, offset);
    if (done < 0) fail("cannot read", path_);
    return static_cast<std::size_t>(done);
  }

  void pwrite(const void* data, std::size_t length, std::uint64_t offset) override {
    const auto write = [this](const void* from, std::size_t n, std::uint64_t at) {
      return ::pwrite(fd_, from, n, static_cast<off_t>(at));
    };
    if (write_fully(write, data, length, offset) != 0) fail("cannot write", path_);
  }

  void start_write_back(std::uint64_t offset, std::uint64_t length) override {
    ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(length), SYNC_FILE_RANGE_WRITE);
  }

  void sync() override {
    if (retry_interrupted([this] { return ::fsync(fd_); }) != 0) fail("cannot fsync", path_);
  }

  bool allocate(std::uint64_t length) override {
    if (length == 0) return true;
    if (lies_in_memory(fd_)) {  // reserving pages there costs a tenth of writing them
      truncate(length);
      return false;
    }
    if (retry_interrupted([&] { return ::fallocate(fd_, 0, 0, static_cast<off_t>(length)); }) == 0) return true;
    if (errno != EOPNOTSUPP) fail("cannot reserve space for", path_);
    truncate(length);
    return false;
  }

  void truncate(std::uint64_t length) override {
    if (retry_interrupted([&] { return ::ftruncate(fd_, static_cast<off_t>(length)); }) != 0) {
      fail("cannot truncate", path_);
    }
  }

  std::uint64_t size() override {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) fail("cannot stat", path_);
    return static_cast<std::uint64_t>(info.st_size);
  }

  ByteRange first_written(std::uint64_t begin, std::uint64_t end) override {
    const off_t data = ::lseek(fd_, static_cast<off_t>(begin), SEEK_DATA);
    if (data < 0) return errno == ENXIO && size() >= end ? ByteRange{end, end} : ByteRange{begin, end};
    if (static_cast<std::uint64_t>(data) >= end) return {end, end};
    const off_t hole = ::lseek(fd_, data, SEEK_HOLE);
    return {static_cast<std::uint64_t>(data), hole <= data ? end : std::min(static_cast<std::uint64_t>(hole), end)};
  }

  void drop_cache() override { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }

  void close() override {
    const int fd = std::exchange(fd_, -1);
    if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) fail("cannot close", path_);
  }

 private:
  int fd_;
  std::string path_;
};

/// Reads what stat(2) returned.
bool is_there(int result, const std::filesystem::path& path) {
  if (result != 0 && !means_nothing_there(errno)) fail("cannot look at", path.string());
  return result == 0;
}

}  // namespace

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY | O_NONBLOCK;  // a FIFO in a file's place must not block
    case OpenMode::kReadWrite: return O_RDWR;
    case OpenMode::kCreate: return O_RDWR | O_CREAT | O_TRUNC;
    case OpenMode::kCreateExclusive: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kAppend: return O_RDWR | O_CREAT;
    case OpenMode::kReadDirect: return O_RDONLY | O_DIRECT | O_NONBLOCK;
    case OpenMode::kWriteDirect: return O_WRONLY | O_DIRECT;
  }
  return O_RDONLY;
}

std::unique_ptr<File> posix_file(int descriptor, const std::string& path) {
  return std::make_unique<PosixFile>(descriptor, path);
}

void File::start_write_back(std::uint64_t, std::uint64_t) {}

ByteRange File::first_written(std::uint64_t begin, std::uint64_t end) { return {begin, end}; }

void FileSystem::create_directories(const Path& path) {
  if (path.empty() || is_directory(path)) return;
  create_directories(path.parent_path());
  try {
    create_directory(path);
  } catch (const IoError& error) {
    if (error.code() != EEXIST || !is_directory(path)) throw;
  }
}

std::string FileSystem::read_all(const Path& path) {
  const auto file = open(path, OpenMode::kRead);
  std::string content(file->size(), '\0');
  content.resize(file->pread(content.data(), content.size(), 0));
  return content;
}

TemporaryFile FileSystem::create_temporary(const Path& path) {
  for (int tries = 1;; ++tries) {
    Path temporary = str(path.string(), ".", random_name(), ".tmp");
    try {
      auto file = open(temporary, OpenMode::kCreateExclusive);
      return {std::move(temporary), std::move(file)};
    } catch (const IoError& error) {
      constexpr int kMost = 10;  // random names do not collide: something else is wrong
      if (error.code() != EEXIST || tries == kMost) throw;
    }
  }
}

void FileSystem::replace(const Path& path, const std::string& content) {
  const TemporaryFile temporary = create_temporary(path);
  try {
    temporary.file->pwrite(content.data(), content.size(), 0);
    temporary.file->sync();
    temporary.file->close();
    rename(temporary.path, path);
  } catch (const IoError&) {
    try {
      remove(temporary.path);
    } catch (const IoError&) {  // the first error is the one to report
    }
    throw;
  }
  sync_directory(path.has_parent_path() ? path.parent_path() : Path("."));
}

std::unique_ptr<File> PosixFileSystem::open(const Path& path, OpenMode mode) {
  const int fd = retry_interrupted([&] { return ::open(path.c_str(), open_flags(mode) | O_CLOEXEC, 0666); });
  if (fd < 0) fail("cannot open", path.string());
  auto file = std::make_unique<PosixFile>(fd, path.string());
  if ((mode == OpenMode::kReadDirect || mode == OpenMode::kWriteDirect) && lies_in_memory(fd)) {
    throw IoError(str("no direct I/O in memory: ", path.string()), EINVAL);
  }
  return file;
}

bool PosixFileSystem::exists(const Path& path) {
  struct stat info {};
  return is_there(::lstat(path.c_str(), &info), path);
}

bool PosixFileSystem::is_directory(const Path& path) {
  struct stat info {};
  return is_there(::stat(path.c_str(), &info), path) && S_ISDIR(info.st_mode);
}

bool PosixFileSystem::is_link(const Path& path) {
  struct stat info {};
  return is_there(::lstat(path.c_str(), &info), path) && S_ISLNK(info.st_mode);
}

std::vector<std::string> PosixFileSystem::list(const Path& directory) {
  std::error_code code;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator it(directory, code), end; !code && it != end; it.increment(code)) {
    names.push_back(it->path().filename().string());
  }
  if (code) throw IoError(str("cannot list ", directory.string(), ": ", code.message()), code.value());
  std::sort(names.begin(), names.end());
  return names;
}

void PosixFileSystem::create_directory(const Path& path) {
  if (::mkdir(path.c_str(), 0777) != 0) fail("cannot create directory", path.string());
}

void PosixFileSystem::rename(const Path& from, const Path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail("cannot rename", str(from.string(), " to ", to.string()));
}

void PosixFileSystem::remove(const Path& path) {
  if (::remove(path.c_str()) != 0) fail("cannot remove", path.string());
}

void PosixFileSystem::sync_directory(const Path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("cannot open directory", path.string());
  const int result = retry_interrupted([fd] { return ::fsync(fd); });
  const int code = errno;
  ::close(fd);
  errno = code;
  // Some network file systems refuse fsync on directories with EINVAL; then rename is all they offer.
  if (result != 0 && code != EINVAL) fail("cannot fsync directory", path.string());
}

void PosixFileSystem::create_symlink(const Path& target, const Path& link) {
  if (::symlink(target.c_str(), link.c_str()) != 0) fail("cannot link", link.string());
}

std::optional<Space> FileSystem::space(const Path&) { return std::nullopt; }

std::unique_ptr<File> FileSystem::open_own(const Path& path, OpenMode mode, Trust) { return open(path, mode); }

std::optional<std::uint32_t> FileSystem::owner(const Path&) { return std::nullopt; }

void FileSystem::create_private_directory(const Path& path) { create_directories(path); }

std::optional<std::uint32_t> PosixFileSystem::owner(const Path& path) {
  struct stat info {};
  return is_there(::lstat(path.c_str(), &info), path) ? std::optional<std::uint32_t>(info.st_uid) : std::nullopt;
}

std::optional<Space> PosixFileSystem::space(const Path& path) {
  struct statvfs facts {};
  if (::statvfs(path.c_str(), &facts) != 0) return std::nullopt;
  Space space;
  space.bytes = static_cast<std::uint64_t>(facts.f_bavail) * facts.f_frsize;
  if (facts.f_files > 0) space.files = facts.f_favail;
  return space;
}

}  // namespace trireme::base
