#include "base/own_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.hpp"
#include "base/lines.hpp"
#include "base/posix_file.hpp"
#include "base/retry_io.hpp"
#include "base/user_name.hpp"

namespace trireme::base {
namespace {

using Path = std::filesystem::path;

[[noreturn]] void fail(const std::string& path) {
  const int code = errno;
  throw IoError(str("cannot open ", path, ": ", std::strerror(code)), code);
}

const char* kind_of(mode_t mode) {
  if (S_ISLNK(mode)) return "a symbolic link";
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void require_ordinary(const struct stat& info, const Path& path) {
  if (S_ISREG(info.st_mode)) return;
  throw InputError(str(path.string(), " is ", kind_of(info.st_mode),
                       ", where Trireme keeps a file of its own: nothing of it was read or written; move it away"));
}

void require_trusted(const struct stat& info, const struct stat& directory, const Path& path) {
  const uid_t self = ::geteuid();
  if (info.st_uid == self || info.st_uid == 0 || info.st_uid == directory.st_uid) return;
  throw InputError(str(path.string(), " belongs to ", user_name(info.st_uid),
                       ", neither to you nor to the owner of its directory, so Trireme does not go by it: move it "
                       "away, or put a copy of your own in its place if you know it to be good"));
}

InputError too_long(const Path& path, std::uint64_t limit) {
  return InputError(str(path.string(), " is longer than the ", limit >> 20,
                        " MiB that Trireme puts into this file, so it was not read: move it away"));
}

/// Owns the descriptor of a directory and closes it.
class Directory {
 public:
  explicit Directory(const Path& path)
      : descriptor_(::open(path.empty() ? "." : path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

std::unique_ptr<File> PosixFileSystem::open_own(const Path& path, OpenMode mode, Trust trust) {
  const Directory parent(path.parent_path());
  if (parent.descriptor() < 0) fail(path.string());
  const std::string name = path.filename().string();
  struct stat info {};
  // Checked before opening, since opening a device may already have an effect.
  if (::fstatat(parent.descriptor(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) require_ordinary(info, path);
  const bool truncates = mode == OpenMode::kCreate;  // only after the file has turned out to be ordinary
  const int flags = (open_flags(mode) & ~O_TRUNC) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const int descriptor = retry_interrupted([&] { return ::openat(parent.descriptor(), name.c_str(), flags, 0666); });
  if (descriptor < 0) fail(path.string());
  auto file = posix_file(descriptor, path.string());
  struct stat directory {};
  if (::fstat(descriptor, &info) != 0 || ::fstat(parent.descriptor(), &directory) != 0) fail(path.string());
  require_ordinary(info, path);
  if (trust == Trust::kOwner) require_trusted(info, directory, path);
  if (truncates) file->truncate(0);
  return file;
}

std::string read_limited(File& file, const Path& path, std::uint64_t limit) {
  // Reading one byte more than allowed is enough to see that the file is too long.
  std::string content(static_cast<std::size_t>(std::min(file.size(), limit + 1)), '\0');
  content.resize(file.pread(content.data(), content.size(), 0));
  if (content.size() > limit) throw too_long(path, limit);
  return content;
}

std::string read_own(FileSystem& files, const Path& path, Trust trust, std::uint64_t limit) {
  return read_limited(*files.open_own(path, OpenMode::kRead, trust), path, limit);
}

std::uint64_t read_ledger(FileSystem& files, const Path& path, Trust trust,
                          const std::function<void(std::string_view)>& visit) {
  if (!files.exists(path)) return 0;
  const auto file = files.open_own(path, OpenMode::kRead, trust);
  if (file->size() > kLedgerLimit) throw too_long(path, kLedgerLimit);
  LineReader lines(*file);
  std::uint64_t end = 0;
  for (Line line; lines.next(line);) {
    if (line.whole) visit(line.text);
    if (line.end - line.begin > line.text.size()) end = line.end;  // it ends with a newline
  }
  return end;
}

}  // namespace trireme::base
