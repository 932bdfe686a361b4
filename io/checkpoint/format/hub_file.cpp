#include "io/checkpoint/format/hub_file.hpp"

#include <algorithm>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"

namespace trireme::checkpoint {

ShardFile hub_entry(const std::string& text) {
  if (text.size() > kHubLimit) {
    throw base::Error(base::str(kHubName, " would have ", text.size(), " bytes, more than ", kHubLimit));
  }
  return {kHubName, text.size(), base::crc32c(text.data(), text.size())};
}

std::string read_hub_file(base::FileSystem& files, const std::filesystem::path& step_directory,
                          const Manifest& manifest) {
  const auto entry = std::ranges::find(manifest.files, kHubName, &ShardFile::name);
  if (entry == manifest.files.end()) return "";
  const std::string subject = base::str("metadata of ", kHubName);
  if (entry->bytes > kHubLimit) {
    throw DamagedCheckpoint(step_directory, subject, base::str("it is longer than ", kHubLimit, " bytes"));
  }
  check_length(files, step_directory, *entry);
  std::string text(entry->bytes, '\0');
  const std::size_t got = reading(step_directory, subject, [&] {
    return files.open(step_directory / kHubName, base::OpenMode::kRead)->pread(text.data(), text.size(), 0);
  });
  if (got != text.size()) throw DamagedCheckpoint(step_directory, subject, "the file ends too early");
  if (base::crc32c(text.data(), text.size()) != entry->metadata_crc32c) {
    throw DamagedCheckpoint(step_directory, subject, "the checksum does not match");
  }
  return text;
}

void check_hub_holds_no_box(const Manifest& manifest, const BoxTable& table) {
  const auto entry = std::ranges::find(manifest.files, kHubName, &ShardFile::name);
  if (entry == manifest.files.end()) return;
  const auto file = static_cast<std::uint32_t>(entry - manifest.files.begin());
  for (const TableBox& box : table.boxes) {
    if (box.file == file) throw base::Error(base::str(describe(table, box), " lies in ", kHubName));
  }
}

}  // namespace trireme::checkpoint
