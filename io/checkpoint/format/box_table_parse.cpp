#include <algorithm>
#include <limits>
#include <tuple>

#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/box_table_layout.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {
namespace {

constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 60;

struct Parser {
  Parser(std::string_view bytes, const std::vector<std::uint64_t>& lengths, std::int64_t version)
      : bytes_(bytes), lengths_(lengths), old_(version == 1), header_(old_ ? kTableHeaderBytes1 : kTableHeaderBytes) {}

  BoxTable parse() {
    read_header();
    BoxTable table;
    table.tensors.resize(tensor_count_);
    table.boxes.resize(box_count_);
    Decoder tensors(bytes_.substr(header_));
    for (auto& tensor : table.tensors) tensor = read_tensor(tensors);
    Decoder boxes(bytes_.substr(header_ + tensor_count_ * kTableTensorBytes));
    for (auto& box : table.boxes) box = read_box(boxes, table);
    require(next_checksum_ == checksum_count_, "a checksum is of no piece");
    check_order(table);
    require(old_ || table.slots().size() == slots_.size(), "a slot is of no tensor");
    check_files(table);
    return table;
  }

 private:
  static void require(bool good, const char* problem) {
    if (!good) throw base::Error(problem);
  }

  void read_header() {
    require(bytes_.size() >= header_, "it is too short");
    Decoder header(bytes_.substr(0, header_));
    require(header.get_raw(kTableMagic.size()) == (old_ ? kTableMagic1 : kTableMagic),
            old_ ? "it does not begin with TRBOXES1" : "it does not begin with TRBOXES2");
    require(header.get<std::uint32_t>() == kBlockBytes, "its checksum blocks are not of 16 MiB");
    require(header.get<std::uint32_t>() == lengths_.size(), "it counts other files than the manifest");
    std::uint64_t slot_bytes = 0;
    // Each count is bounded by the length before it is multiplied, so no product overflows.
    std::uint64_t rest = bytes_.size() - header_;
    const auto take = [&](std::uint64_t& count, std::uint64_t size) {
      count = header.get<std::uint64_t>();
      require(count <= rest / size, "it is shorter than its counts say");
      rest -= count * size;
    };
    take(tensor_count_, kTableTensorBytes);
    take(box_count_, kTableBoxBytes);
    take(dim_count_, 8);
    take(checksum_count_, 4);
    take(name_bytes_, 1);
    if (!old_) take(slot_bytes, 1);
    require(rest == 0 && header.get<std::uint64_t>() == bytes_.size(), "its length is not what its counts say");
    dims_ = bytes_.substr(header_ + tensor_count_ * kTableTensorBytes + box_count_ * kTableBoxBytes);
    checksums_ = dims_.substr(dim_count_ * 8);
    names_ = checksums_.substr(checksum_count_ * 4);
    slots_ = old_ ? std::vector<std::string>(kSlots1.begin(), kSlots1.end()) : read_slots(names_.substr(name_bytes_));
  }

  static std::vector<std::string> read_slots(std::string_view text) {
    std::vector<std::string> slots;
    while (!text.empty()) {
      const std::size_t end = text.find('\0');
      require(end != std::string_view::npos, "the name of a slot has no end");
      const std::string_view name = text.substr(0, end);
      require(base::is_slot_name(name), "a slot has an impossible name");
      require(slots.empty() || TensorOrder()({slots.back(), ""}, {name, ""}), "its slots are out of order");
      require(slots.size() < kMaxSlots, "it has too many slots");
      slots.emplace_back(name);
      text.remove_prefix(end + 1);
    }
    return slots;
  }

  Shape read_dims(std::uint64_t first, std::size_t count) const {
    require(first <= dim_count_ && count <= dim_count_ - first, "a shape lies outside");
    Shape shape(count);
    if (count > 0) std::memcpy(shape.data(), dims_.data() + first * 8, count * 8);
    return shape;
  }

  TableTensor read_tensor(Decoder& in) const {
    TableTensor tensor;
    tensor.first_box = in.get<std::uint64_t>();
    const auto first_dim = in.get<std::uint64_t>();
    tensor.box_count = in.get<std::uint32_t>();
    const auto name_offset = in.get<std::uint32_t>();
    const auto name_length = in.get<std::uint32_t>();
    const auto slot = in.get<std::uint8_t>();
    const auto dtype = in.get<std::uint8_t>();
    const auto rank = in.get<std::uint8_t>();
    require(in.get<std::uint8_t>() == 0, "a reserved byte is not zero");
    require(slot < slots_.size(), "a slot is unknown");
    require(dtype < kStoredTypes.size(), "an element type is unknown");
    require(rank <= kMaxDims, "a tensor has too many dims");
    require(name_length > 0 && name_length <= kMaxNameBytes && name_offset <= name_bytes_ &&
                name_length <= name_bytes_ - name_offset,
            "a name lies outside");
    require(tensor.first_box <= box_count_ && tensor.box_count <= box_count_ - tensor.first_box,
            "a piece lies outside");
    tensor.slot = slots_[slot];
    tensor.dtype = kStoredTypes[dtype];
    tensor.name = names_.substr(name_offset, name_length);
    require(is_tensor_name(tensor.name), "a tensor has an impossible name");
    tensor.shape = read_dims(first_dim, rank);
    std::uint64_t elements = 1;
    for (const auto size : tensor.shape) {
      require(size > 0 && static_cast<std::uint64_t>(size) <= kMaxElements / elements, "a shape is impossible");
      elements *= static_cast<std::uint64_t>(size);
    }
    return tensor;
  }

  TableBox read_box(Decoder& in, const BoxTable& table) {
    TableBox box;
    box.offset = in.get<std::uint64_t>();
    const auto first_dim = in.get<std::uint64_t>();
    const auto first_checksum = in.get<std::uint64_t>();
    box.tensor = in.get<std::uint32_t>();
    box.file = in.get<std::uint32_t>();
    require(box.tensor < tensor_count_, "a piece is of no tensor");
    require(box.file < lengths_.size(), "a piece is in no file");
    const Shape& shape = table.tensors[box.tensor].shape;
    const Shape both = read_dims(first_dim, 2 * shape.size());
    const auto middle = both.begin() + static_cast<std::ptrdiff_t>(shape.size());
    box.box = {Shape(both.begin(), middle), Shape(middle, both.end())};
    for (std::size_t d = 0; d < shape.size(); ++d) {
      require(box.box.offset[d] >= 0 && box.box.size[d] > 0 && box.box.offset[d] < shape[d] &&
                  box.box.size[d] <= shape[d] - box.box.offset[d],
              "a piece lies outside its tensor");
    }
    const std::uint64_t bytes = table.bytes_of(box);
    const std::uint64_t blocks = (bytes + kBlockBytes - 1) / kBlockBytes;
    require(box.offset <= lengths_[box.file] && bytes <= lengths_[box.file] - box.offset,
            "a piece lies outside its file");
    // One after another, so that no two boxes share checksums and the parsed table is no larger than the file.
    require(first_checksum == next_checksum_ && blocks <= checksum_count_ - first_checksum, "a checksum lies outside");
    next_checksum_ += blocks;
    box.crc32c.resize(blocks);
    std::memcpy(box.crc32c.data(), checksums_.data() + first_checksum * 4, blocks * 4);
    return box;
  }

  static void check_order(const BoxTable& table) {
    std::size_t next = 0;
    for (std::size_t t = 0; t < table.tensors.size(); ++t) {
      const auto& tensor = table.tensors[t];
      if (t > 0) {
        const auto& last = table.tensors[t - 1];
        require(TensorOrder()({last.slot, last.name}, {tensor.slot, tensor.name}), "its tensors are out of order");
      }
      require(tensor.first_box == next, "its pieces are out of order");
      next += tensor.box_count;
      for (std::size_t b = tensor.first_box; b < next; ++b) {
        require(table.boxes[b].tensor == t && (b == tensor.first_box || table.boxes[b - 1].box < table.boxes[b].box),
                "its pieces are out of order");
      }
    }
    require(next == table.boxes.size(), "a piece is of no tensor");
  }

  static void check_files(const BoxTable& table) {
    std::vector<std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>> extents;  // file, begin, end
    for (const auto& box : table.boxes) extents.emplace_back(box.file, box.offset, box.offset + table.bytes_of(box));
    std::sort(extents.begin(), extents.end());
    for (std::size_t i = 1; i < extents.size(); ++i) {
      require(std::get<0>(extents[i - 1]) != std::get<0>(extents[i]) ||
                  std::get<2>(extents[i - 1]) <= std::get<1>(extents[i]),
              "two pieces share bytes of a file");
    }
  }

  std::string_view bytes_;
  const std::vector<std::uint64_t>& lengths_;
  bool old_;                        // version 1
  std::size_t header_;              // its length
  std::vector<std::string> slots_;  // a slot's number is its place
  std::uint64_t tensor_count_ = 0;
  std::uint64_t box_count_ = 0;
  std::uint64_t dim_count_ = 0;
  std::uint64_t checksum_count_ = 0;
  std::uint64_t name_bytes_ = 0;
  std::uint64_t next_checksum_ = 0;
  std::string_view dims_;
  std::string_view checksums_;
  std::string_view names_;
};

}  // namespace

BoxTable parse_boxes(std::string_view bytes, const std::vector<std::uint64_t>& file_lengths, std::int64_t version,
                     const std::filesystem::path& step_directory) {
  try {
    return Parser(bytes, file_lengths, version).parse();
  } catch (const base::Error& error) {
    throw DamagedCheckpoint(step_directory, kBoxesName, error.what());
  }
}

}  // namespace trireme::checkpoint
