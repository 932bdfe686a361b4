#include "launcher/doctor/loaded_files.hpp"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <filesystem>
#include <system_error>

#include "base/error.hpp"

namespace trireme::doctor {
namespace {

constexpr std::size_t kShownBytes = 8;  // of 20; enough to tell builds apart

std::size_t rounded(std::size_t bytes) { return (bytes + 3) / 4 * 4; }

/// The build id in the notes; "" when there is none.
std::string build_id(const char* notes, std::size_t length) {
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= length;) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes + at, sizeof header);
    const char* name = notes + at + sizeof header;
    const char* value = name + rounded(header.n_namesz);
    at += sizeof header + rounded(header.n_namesz) + rounded(header.n_descsz);
    if (at > length || header.n_type != NT_GNU_BUILD_ID || std::memcmp(name, "GNU", sizeof "GNU") != 0) continue;
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(header.n_descsz, kShownBytes); ++i) {
      constexpr const char* kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(value[i]);
      text += kDigits[byte / 16];
      text += kDigits[byte % 16];
    }
    return text;
  }
  return "";
}

std::string identity_of(const dl_phdr_info& info, const std::filesystem::path& path) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
    std::string id = build_id(reinterpret_cast<const char*>(info.dlpi_addr + segment.p_vaddr), segment.p_memsz);
    if (!id.empty()) return id;
  }
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? "" : base::str(size, " bytes");
}

int take(dl_phdr_info* info, std::size_t, void* into) {
  auto& found = *static_cast<LoadedFiles*>(into);
  const std::string name = info->dlpi_name;
  if (name.empty()) {
    found.program = identity_of(*info, "/proc/self/exe");
  } else if (name.find('/') != std::string::npos) {  // not for the kernel's own object, which has no file
    found.libraries[std::filesystem::path(name).filename()] = identity_of(*info, name);
  }
  return 0;
}

}  // namespace

LoadedFiles loaded_files() {
  LoadedFiles found;
  dl_iterate_phdr(take, &found);
  return found;
}

}  // namespace trireme::doctor
