#include "launcher/repeat/archive_writer.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "io/tokens/digest.hpp"

namespace trireme::launcher {
namespace {

using base::str;

struct Closer {
  void operator()(struct archive* archive) const { ::archive_write_free(archive); }
};
struct EntryCloser {
  void operator()(struct archive_entry* entry) const { ::archive_entry_free(entry); }
};

}  // namespace

struct ArchiveWriter::Implementation {
  Implementation(base::File& output, std::string directory) : file(output), top(std::move(directory)) {}

  // Called by libarchive, through which no exception may pass: it is kept, and thrown after the call.
  static la_ssize_t take(struct archive* archive, void* self, const void* data, std::size_t length) {
    auto& writer = *static_cast<Implementation*>(self);
    if (writer.failure) return -1;
    try {
      writer.file.pwrite(data, length, writer.written);
      writer.written += length;
      return static_cast<la_ssize_t>(length);
    } catch (...) {
      writer.failure = std::current_exception();
      ::archive_set_error(archive, EIO, "cannot write");
      return -1;
    }
  }

  void check(la_ssize_t result, const char* what) {
    if (failure) std::rethrow_exception(failure);
    if (result >= ARCHIVE_OK) return;
    const char* why = ::archive_error_string(archive.get());
    throw base::Error(str("cannot ", what, " the archive: ", why == nullptr ? "libarchive does not say why" : why));
  }

  void end_file() {
    if (!digester) return;
    if (left != 0) throw base::Error(str(path, " became shorter while it was read: archive the run when it rests"));
    digests += tokens::to_hex(digester->result()) + "  " + path + "\n";
    digester.reset();
  }

  void header(const std::string& name, unsigned type, unsigned mode, std::uint64_t bytes, std::int64_t time) {
    const std::unique_ptr<struct archive_entry, EntryCloser> entry(::archive_entry_new());
    ::archive_entry_set_pathname(entry.get(), str(top, "/", name).c_str());
    ::archive_entry_set_filetype(entry.get(), type);
    ::archive_entry_set_perm(entry.get(), static_cast<mode_t>(mode));
    ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes));
    ::archive_entry_set_mtime(entry.get(), time, 0);
    check(::archive_write_header(archive.get(), entry.get()), "begin a file of");
  }

  base::File& file;
  std::string top;
  std::uint64_t written = 0;
  std::exception_ptr failure;
  std::unique_ptr<struct archive, Closer> archive;
  std::string path;
  std::uint64_t left = 0;
  std::optional<tokens::Digester> digester;
  std::string digests;
};

Compression compression_of(const std::string& file_name) {
  const std::string_view name = file_name;
  if (name.ends_with(".tar.zst") || name.ends_with(".tzst")) return Compression::kZstd;
  if (name.ends_with(".tar.gz") || name.ends_with(".tgz")) return Compression::kGzip;
  if (name.ends_with(".tar")) return Compression::kNone;
  throw base::InputError(
      str("the archive's name says how it is packed: ", file_name, " ends with none of .tar.zst, .tar.gz and .tar"));
}

ArchiveWriter::ArchiveWriter(base::File& file, Compression compression, std::string top)
    : implementation_(std::make_unique<Implementation>(file, std::move(top))) {
  Implementation& self = *implementation_;
  self.archive.reset(::archive_write_new());
  if (!self.archive) throw base::Error("cannot begin an archive: out of memory");
  struct archive* archive = self.archive.get();
  self.check(::archive_write_set_format_pax_restricted(archive), "begin");
  // Names are bytes: in the locale of a program that asks for none, libarchive would refuse all that is not ASCII.
  self.check(::archive_write_set_format_option(archive, "pax", "hdrcharset", "BINARY"), "begin");
  if (compression == Compression::kZstd) self.check(::archive_write_add_filter_zstd(archive), "compress");
  if (compression == Compression::kGzip) self.check(::archive_write_add_filter_gzip(archive), "compress");
  self.check(::archive_write_set_bytes_in_last_block(archive, 1), "begin");
  self.check(::archive_write_open(archive, &self, nullptr, &Implementation::take, nullptr), "begin");
}

// libarchive writes what it still holds when it is freed; the take() that it calls lives as long.
ArchiveWriter::~ArchiveWriter() {
  implementation_->failure = std::make_exception_ptr(base::Error("not finished"));
  implementation_->archive.reset();
}

void ArchiveWriter::begin(const std::string& path, std::uint64_t bytes, std::int64_t time) {
  Implementation& self = *implementation_;
  self.end_file();
  self.header(path, AE_IFREG, 0644, bytes, time);
  self.path = path;
  self.left = bytes;
  self.digester.emplace();
}

void ArchiveWriter::write(const char* data, std::size_t length) {
  Implementation& self = *implementation_;
  if (length > self.left) throw base::Error(str(self.path, " became longer while it was read"));
  self.digester->update(data, length);
  self.left -= length;
  while (length > 0) {
    const la_ssize_t taken = ::archive_write_data(self.archive.get(), data, length);
    self.check(taken, "write");
    data += taken;
    length -= static_cast<std::size_t>(taken);
  }
}

void ArchiveWriter::add_directory(const std::string& path, std::int64_t time) {
  implementation_->end_file();
  implementation_->header(path, AE_IFDIR, 0755, 0, time);
}

const std::string& ArchiveWriter::digests() {
  implementation_->end_file();
  return implementation_->digests;
}

void ArchiveWriter::finish() {
  implementation_->end_file();
  implementation_->check(::archive_write_close(implementation_->archive.get()), "end");
}

}  // namespace trireme::launcher
