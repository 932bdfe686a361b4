#include "io/safetensors/file.hpp"

#include <cerrno>

#include "base/error.hpp"

namespace trireme::safetensors {
namespace {

using base::InputError;
using base::str;

std::unique_ptr<base::File> open_to_read(base::FileSystem& files, const std::filesystem::path& path) {
  try {
    return files.open(path, base::OpenMode::kRead);
  } catch (const base::IoError& error) {
    if (error.code() != ENOENT && error.code() != ENOTDIR && error.code() != ELOOP) throw;
    throw InputError(str(path.string(), " is missing, or a link to a file that is"));
  }
}

}  // namespace

OpenedFile open_file(base::FileSystem& files, const std::filesystem::path& path) {
  const std::string name = path.string();
  const auto file = open_to_read(files, path);
  OpenedFile opened;
  opened.bytes = file->size();
  unsigned char length_bytes[kLengthBytes];
  if (opened.bytes < kLengthBytes || file->pread(length_bytes, kLengthBytes, 0) != kLengthBytes) {
    throw InputError(str(name, " has ", opened.bytes, " bytes: it is no safetensors file"));
  }
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) length = length << 8 | length_bytes[i];
  if (length > kMaxHeaderBytes) {
    throw InputError(
        str(name, ": a header of ", length, " bytes is more than ", kMaxHeaderBytes, ": it is no safetensors file"));
  }
  if (length > opened.bytes - kLengthBytes) {
    throw InputError(str(name, " has ", opened.bytes, " bytes, fewer than its header of ", length,
                         ": it was cut off, fetch it again"));
  }
  opened.text.resize(length);
  if (file->pread(opened.text.data(), length, kLengthBytes) != length) {
    throw InputError(str(name, " ends within its header: it was cut off, fetch it again"));
  }
  opened.header = parse_header(opened.text, opened.bytes - kLengthBytes - length, name);
  return opened;
}

}  // namespace trireme::safetensors
