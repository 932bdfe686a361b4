#include "tests/io/checkpoint/damage_parts.hpp"

#include <algorithm>
#include <cstring>

namespace trireme::checkpoint::tests {
namespace {

/// A line each, named for the member at the top that it belongs to.
void add_manifest(const std::string& text, std::vector<Part>& parts) {
  std::string member = "format";
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    if (text.compare(begin, 2, " \"") == 0) member = text.substr(begin + 2, text.find('"', begin + 2) - begin - 2);
    parts.push_back({"manifest " + member, kManifestName, begin, end});
    begin = end;
  }
}

/// Every field of the header, of every tensor and of every box; every dim and checksum; the names and slots.
void add_boxes(const std::string& bytes, std::vector<Part>& parts) {
  std::uint64_t at = 0;
  const auto add = [&](const char* object, std::uint64_t length) {
    parts.push_back({std::string("BOXES.bin ") + object, kBoxesName, at, at + length});
    at += length;
  };
  const auto count = [&](std::size_t offset) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  };
  for (const int length : {8, 4, 4, 8, 8, 8, 8, 8, 8, 8}) add("header", length);
  for (std::uint64_t i = 0; i < count(16); ++i) {
    for (const int length : {8, 8, 4, 4, 4, 1, 1, 1, 1}) add("tensors", length);
  }
  for (std::uint64_t i = 0; i < count(24); ++i) {
    for (const int length : {8, 8, 8, 4, 4}) add("boxes", length);
  }
  for (std::uint64_t i = 0; i < count(32); ++i) add("dims", 8);
  for (std::uint64_t i = 0; i < count(40); ++i) add("checksums", 4);
  add("names", count(48));
  add("slots", count(56));
}

/// Zeros for at least so many bytes are padding, the rest is metadata in pieces of at most so many bytes.
constexpr std::uint64_t kPiece = 256;

void add_gap(const std::string& file, const std::string& bytes, std::uint64_t begin, std::uint64_t end,
             std::vector<Part>& parts) {
  while (begin < end) {
    const std::uint64_t zeros =
        std::min<std::uint64_t>(std::min(bytes.find_first_not_of('\0', begin), bytes.size()), end);
    if (zeros - begin >= kPiece) {
      parts.push_back({"padding", file, begin, zeros});
      begin = zeros;
      continue;
    }
    std::uint64_t stop = std::min(begin + kPiece, end);
    const std::string nothing(kPiece, '\0');
    stop = std::min<std::uint64_t>(stop, std::max(bytes.find(nothing, begin), begin + 1));
    parts.push_back({"HDF5 metadata", file, begin, stop});
    begin = stop;
  }
}

void add_shard(const DamageRun& run, std::uint32_t file, std::vector<Part>& parts) {
  const OpenedCheckpoint& opened = run.opened();
  const std::string& name = opened.manifest.files[file].name;
  const std::string& bytes = run.files().at(name);
  std::vector<Part> boxes;
  for (const auto& box : opened.table.boxes) {
    if (box.file != file) continue;
    const std::string& slot = opened.table.tensors[box.tensor].slot;
    boxes.push_back({slot + " data", name, box.offset, box.offset + opened.table.bytes_of(box)});
  }
  std::ranges::sort(boxes, {}, &Part::begin);
  std::uint64_t at = 0;
  for (const auto& box : boxes) {
    add_gap(name, bytes, at, box.begin, parts);
    parts.push_back(box);
    at = box.end;
  }
  add_gap(name, bytes, at, bytes.size(), parts);
}

}  // namespace

std::vector<Part> parts_of(const DamageRun& run) {
  std::vector<Part> parts;
  add_manifest(run.files().at(kManifestName), parts);
  add_boxes(run.files().at(kBoxesName), parts);
  for (std::uint32_t file = 0; file < run.opened().manifest.files.size(); ++file) add_shard(run, file, parts);
  return parts;
}

}  // namespace trireme::checkpoint::tests
