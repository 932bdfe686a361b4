// Opens safetensors files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_system.hpp"
#include "io/safetensors/header.hpp"

namespace trireme::safetensors {

struct OpenedFile {
  std::string text;         ///< the header as it stands in the file, without the 8 bytes of its length
  Header header;            ///< what the text says
  std::uint64_t bytes = 0;  ///< length of the file

  /// Offset of the tensors' bytes in the file.
  std::uint64_t data_offset() const { return kLengthBytes + text.size(); }
};

/// Reads and checks the header only. Links are followed. Throws base::InputError naming `path` for a file that is
/// missing, too short, or no safetensors file (see parse_header), and base::IoError for an error of the disk.
OpenedFile open_file(base::FileSystem& files, const std::filesystem::path& path);

}  // namespace trireme::safetensors
