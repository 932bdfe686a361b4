// Any bytes as BOXES.bin. Most mutations get a header that fits their length, so that the arrays behind it are reached.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/format/box_table.hpp"

namespace {

using trireme::checkpoint::BoxTable;

constexpr std::size_t kHeader = 72;  // version 1: 64
constexpr std::uint32_t kMostFiles = 64;
constexpr std::uint64_t kFileLength = std::uint64_t{1} << 44;

/// As many long shards as the header counts.
std::vector<std::uint64_t> lengths_for(const std::string& bytes) {
  std::uint32_t count = 0;
  if (bytes.size() >= kHeader) std::memcpy(&count, bytes.data() + 12, sizeof count);
  return std::vector<std::uint64_t>(std::min(count, kMostFiles), kFileLength);
}

/// The last byte of the magic says which version the input is of.
int version_of(const std::uint8_t* data, std::size_t size) { return size >= 8 && data[7] == '1' ? 1 : 2; }

/// Makes the header's counts add up to the length; `kSizes` are those of an element of each array.
void fix_header(std::uint8_t* data, std::size_t size, int version) {
  constexpr std::uint64_t kSizes[] = {32, 32, 8, 4, 1, 1};
  const std::size_t arrays = version == 1 ? 5 : 6;
  std::memcpy(data, version == 1 ? "TRBOXES1" : "TRBOXES2", 8);
  const std::uint32_t block = 16 << 20;
  std::memcpy(data + 8, &block, sizeof block);
  std::uint64_t rest = size - (16 + 8 * (arrays + 1));
  for (std::size_t i = 0; i < arrays; ++i) {
    std::uint64_t count = 0;
    std::memcpy(&count, data + 16 + 8 * i, sizeof count);
    count = i + 1 == arrays ? rest : std::min(count, rest / kSizes[i]);
    rest -= count * kSizes[i];
    std::memcpy(data + 16 + 8 * i, &count, sizeof count);
  }
  const std::uint64_t length = size;
  std::memcpy(data + 16 + 8 * arrays, &length, sizeof length);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  const std::size_t length = LLVMFuzzerMutate(data, size, max_size);
  if (length >= kHeader && seed % 4 != 0) fix_header(data, length, seed % 64 < 2 ? 1 : version_of(data, length));
  return length;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto lengths = lengths_for(bytes);
  BoxTable table;
  try {
    table = trireme::checkpoint::parse_boxes(bytes, lengths, version_of(data, size), "step");
  } catch (const trireme::base::Error&) {
    return 0;
  }
  // What is accepted can be used, and is the same when it is written and read again.
  try {
    check_coverage(table);
  } catch (const trireme::base::Error&) {
  }
  for (const auto& box : table.boxes) {
    if (describe(table, box).empty() || table.bytes_of(box) == 0) std::abort();
  }
  for (std::size_t t = 0; t < table.tensors.size(); ++t) {
    const auto& tensor = table.tensors[t];
    if (table.find(tensor.slot, tensor.name) != static_cast<std::ptrdiff_t>(t)) std::abort();
  }
  const std::string written = to_bytes(table, lengths.size());
  if (to_bytes(trireme::checkpoint::parse_boxes(written, lengths, 2, "step"), lengths.size()) != written) std::abort();
  return 0;
}
