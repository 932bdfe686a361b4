#include "io/checkpoint/format/shard.hpp"

#include <algorithm>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::checkpoint {
namespace {

constexpr std::uint64_t kAlignment = 1 << 20;

/// Continues the CRC32C `before` with the bytes [range.begin, range.end); unwritten bytes count as zeros.
std::uint32_t crc_of_range(const hdf5::Image& image, base::ByteRange range, std::uint32_t before) {
  const auto& extents = image.extents();
  std::uint64_t at = range.begin;
  auto it = extents.upper_bound(at);
  if (it != extents.begin()) --it;
  for (; it != extents.end() && it->first < range.end; ++it) {
    const std::uint64_t begin = std::max(at, it->first);
    const std::uint64_t end = std::min(range.end, it->first + it->second.size());
    if (begin >= end) continue;
    before = base::crc32c_zeros(before, begin - at);
    before = base::crc32c(it->second.data() + (begin - it->first), end - begin, before);
    at = end;
  }
  return base::crc32c_zeros(before, range.end - at);
}

}  // namespace

std::vector<base::ByteRange> gaps(const std::vector<base::ByteRange>& inside, std::uint64_t length) {
  std::vector<base::ByteRange> outside;
  std::uint64_t at = 0;
  for (const auto& range : inside) {
    if (range.begin > at) outside.push_back({at, range.begin});
    at = range.end;
  }
  if (length > at) outside.push_back({at, length});
  return outside;
}

hdf5::ElementType element_type(DataType type) {
  if (type == DataType::kFloat32) return hdf5::ElementType::kFloat32;
  if (type == DataType::kFloat64) return hdf5::ElementType::kFloat64;
  throw base::Error(base::str("checkpoints hold no ", name_of(type)));
}

ShardLayout lay_out_shard(const std::string& name, const std::vector<ShardBox>& boxes) {
  const auto lock = hdf5::exclusive_use();
  ShardLayout layout;
  std::vector<base::ByteRange> inside;
  hdf5::File file = hdf5::File::create_in(layout.image, name, {.alignment = kAlignment, .block = kAlignment});
  for (const auto& box : boxes) {
    const auto type = element_type(box.dtype);
    hdf5::Dataset dataset = file.create_dataset(dataset_path(box.slot, box.tensor, box.box), type, box.box.size);
    dataset.write_attribute("global_shape", box.shape);
    dataset.write_attribute("offset", box.box.offset);
    dataset.write_attribute("dtype", std::string_view(name_of(box.dtype)));
    const std::uint64_t offset = dataset.offset();
    layout.offsets.push_back(offset);
    inside.push_back({offset, offset + static_cast<std::uint64_t>(box.box.elements()) * size_of(box.dtype)});
  }
  file.close();
  std::ranges::sort(inside, {}, &base::ByteRange::begin);
  for (const auto& range : gaps(inside, layout.image.length())) {
    layout.metadata_crc32c = crc_of_range(layout.image, range, layout.metadata_crc32c);
  }
  return layout;
}

}  // namespace trireme::checkpoint
