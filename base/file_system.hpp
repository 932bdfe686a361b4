// The seam between Trireme and the file system: every byte that matters goes through a FileSystem, so that
// tests can fail the n-th call or lose unsynced data. PosixFileSystem is the real one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace trireme::base {

/// A range of bytes of a file.
struct ByteRange {
  std::uint64_t begin;
  std::uint64_t end;
};

/// An open file. Offsets and lengths in bytes. Errors are IoError naming the file and errno's text.
/// pread and pwrite may be called by several threads at once; the rest by one.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// Reads up to `length` bytes at `offset`; less only at the end of the file. Handles EINTR and short reads.
  virtual std::size_t pread(void* data, std::size_t length, std::uint64_t offset) = 0;
  /// Writes all of it or throws. Handles EINTR and short writes.
  virtual void pwrite(const void* data, std::size_t length, std::uint64_t offset) = 0;
  /// Asks the kernel to begin writing this range to disk (sync_file_range(2)); a hint, never an error.
  virtual void start_write_back(std::uint64_t offset, std::uint64_t length);
  /// fsync(2).
  virtual void sync() = 0;
  /// Reserves [0, length) on disk (fallocate(2)) and sets the size. False where the file system cannot
  /// reserve, and in memory (tmpfs); then the size is set by truncation.
  virtual bool allocate(std::uint64_t length) = 0;
  virtual void truncate(std::uint64_t length) = 0;
  virtual std::uint64_t size() = 0;
  /// Returns the first part of [begin, end) that was ever written; the bytes before it read as zeros. Returns the empty
  /// range at `end` when none was written, and all of [begin, end) where the file system does not tell (lseek(2),
  /// SEEK_DATA).
  virtual ByteRange first_written(std::uint64_t begin, std::uint64_t end);
  /// Asks the kernel to forget cached pages (posix_fadvise DONTNEED); a hint, never an error.
  virtual void drop_cache() = 0;
  /// Closes and reports what close(2) reports. The destructor closes silently.
  virtual void close() = 0;
};

enum class OpenMode {
  kRead,             ///< must exist
  kReadWrite,        ///< must exist
  kCreate,           ///< created or truncated, read-write
  kCreateExclusive,  ///< O_CREAT|O_EXCL, read-write; EEXIST as IoError
  kAppend,           ///< created if missing; write at size() to append
  kReadDirect,       ///< must exist; past the page cache (O_DIRECT), see kDirectAlignment; EINVAL where there is no
                     ///< such I/O, as on tmpfs
  kWriteDirect,      ///< must exist; the same
};

/// Files opened for direct I/O take only memory, offsets and lengths that are multiples of this; else EINVAL. A file
/// system without direct I/O says EINVAL when the file is opened, or at the first write.
inline constexpr std::size_t kDirectAlignment = 4096;

/// Who must have written one of the run's own files for the reader to accept it.
enum class Trust {
  kContent,  ///< anybody: the reader checks the content, or only people read it
  kOwner,    ///< only this process's user, root or the owner of the file's directory
};

/// How much a user may still put into a file system.
struct Space {
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> files;  ///< nothing where the file system does not count them
};

/// A file that will replace another one.
struct TemporaryFile {
  std::filesystem::path path;
  std::unique_ptr<File> file;  ///< open for reading and writing
};

class FileSystem {
 public:
  using Path = std::filesystem::path;

  virtual ~FileSystem() = default;
  virtual std::unique_ptr<File> open(const Path& path, OpenMode mode) = 0;
  /// Opens a file that Trireme itself keeps, in a directory where somebody else may have put something in its place.
  /// Works like open(), but the last part of `path` must be an ordinary file: no link is followed (the directories
  /// before it may be links), and a FIFO or a device is not opened, so nothing waits. Throws InputError, which says
  /// what is there and what to do; also for a file that `trust` rules out. See base/own_file.hpp.
  virtual std::unique_ptr<File> open_own(const Path& path, OpenMode mode, Trust trust = Trust::kContent);
  /// Throws IoError when the disk does not answer (EIO, ESTALE, …); is_directory() and is_link() do the same.
  virtual bool exists(const Path& path) = 0;
  /// True also for a symbolic link to a directory: run directories often lie behind links to a scratch file system.
  virtual bool is_directory(const Path& path) = 0;
  /// Whether `path` itself is a symbolic link.
  virtual bool is_link(const Path& path) = 0;
  /// Names (not paths) of the entries, sorted.
  virtual std::vector<std::string> list(const Path& directory) = 0;
  /// The user id that owns `path` itself, not what it links to; nothing where that is not known.
  virtual std::optional<std::uint32_t> owner(const Path& path);
  /// mkdir(2): the parent must exist; EEXIST as IoError.
  virtual void create_directory(const Path& path) = 0;
  /// rename(2).
  virtual void rename(const Path& from, const Path& to) = 0;
  /// unlink(2) or rmdir(2) of one entry.
  virtual void remove(const Path& path) = 0;
  /// fsync(2) of a directory: makes renames and new names in it durable.
  virtual void sync_directory(const Path& path) = 0;
  virtual void create_symlink(const Path& target, const Path& link) = 0;
  /// What is free on the file system that `path` lies in (statvfs(2)); nothing where that is not known. Quotas may
  /// leave less.
  virtual std::optional<Space> space(const Path& path);

  /// For directories in places where everybody may write, such as /dev/shm: makes `path` for this user alone, or takes
  /// the directory that is there. The parent must exist. Throws InputError when `path` is no directory (a link to one
  /// is not accepted) or belongs to somebody else.
  virtual void create_private_directory(const Path& path);
  /// rm -r; a missing path is fine. A symbolic link is removed, not what it points to, even when somebody puts it there
  /// during the call.
  virtual void remove_all(const Path& path);

  // Built from the functions above.
  /// mkdir -p.
  void create_directories(const Path& path);
  /// Reads the whole file. Throws IoError only, never InputError.
  std::string read_all(const Path& path);
  /// Creates a new, empty file beside `path`, to be renamed over it: "<path>.<16 hex digits>.tmp". Nobody can guess the
  /// name.
  TemporaryFile create_temporary(const Path& path);
  /// Writes a temporary file in the same directory, fsyncs it, renames it over `path` and fsyncs the directory. A link
  /// at `path` is replaced, not followed. After an error the temporary file is removed if the disk allows it.
  void replace(const Path& path, const std::string& content);
};

/// The operating system's files. It has no state, so make one wherever one is needed.
class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<File> open(const Path& path, OpenMode mode) override;
  std::unique_ptr<File> open_own(const Path& path, OpenMode mode, Trust trust = Trust::kContent) override;
  bool exists(const Path& path) override;
  bool is_directory(const Path& path) override;
  bool is_link(const Path& path) override;
  std::vector<std::string> list(const Path& directory) override;
  std::optional<std::uint32_t> owner(const Path& path) override;
  void create_directory(const Path& path) override;
  void create_private_directory(const Path& path) override;
  void remove_all(const Path& path) override;
  void rename(const Path& from, const Path& to) override;
  void remove(const Path& path) override;
  void sync_directory(const Path& path) override;
  void create_symlink(const Path& target, const Path& link) override;
  std::optional<Space> space(const Path& path) override;
};

}  // namespace trireme::base
