#include "io/checkpoint/format/box_table.hpp"

#include <algorithm>
#include <tuple>

#include "base/error.hpp"
#include "io/checkpoint/format/box_table_layout.hpp"
#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {

namespace {

std::uint8_t number_of(DataType type) {
  const auto found = std::ranges::find(kStoredTypes, type);
  if (found == kStoredTypes.end()) throw base::Error(base::str("checkpoints hold no ", name_of(type)));
  return static_cast<std::uint8_t>(found - kStoredTypes.begin());
}

/// The slots, each at its number.
std::vector<std::string> slot_numbers(const BoxTable& table) {
  std::vector<std::string> slots = table.slots();
  if (slots.size() > kMaxSlots) {
    throw base::Error(base::str("a checkpoint has at most ", kMaxSlots, " slots, not ", slots.size()));
  }
  return slots;
}

/// Each ended by a zero byte.
std::string joined(const std::vector<std::string>& slots) {
  std::string text;
  for (const auto& slot : slots) (text += slot) += '\0';
  return text;
}

}  // namespace

std::uint64_t BoxTable::bytes_of(const TableBox& box) const {
  return static_cast<std::uint64_t>(box.box.elements()) * size_of(tensors[box.tensor].dtype);
}

std::ptrdiff_t BoxTable::find(std::string_view slot, std::string_view name) const {
  const auto less = [](const TableTensor& tensor, const TensorKey& key) {
    return TensorOrder()({tensor.slot, tensor.name}, key);
  };
  const auto it = std::lower_bound(tensors.begin(), tensors.end(), TensorKey(slot, name), less);
  return it != tensors.end() && it->slot == slot && it->name == name ? it - tensors.begin() : -1;
}

std::vector<std::string> BoxTable::slots() const {
  std::vector<std::string> all;
  for (const auto& tensor : tensors) {
    if (all.empty() || all.back() != tensor.slot) all.push_back(tensor.slot);
  }
  return all;
}

std::vector<std::string> BoxTable::slots_of(std::string_view name) const {
  std::vector<std::string> all = slots();
  std::erase_if(all, [&](const std::string& slot) { return find(slot, name) < 0; });
  return all;
}

void order_boxes(BoxTable& table) {
  std::sort(table.boxes.begin(), table.boxes.end(),
            [](const TableBox& a, const TableBox& b) { return std::tie(a.tensor, a.box) < std::tie(b.tensor, b.box); });
  for (std::size_t i = 0; i < table.boxes.size(); ++i) {
    TableTensor& tensor = table.tensors[table.boxes[i].tensor];
    if (tensor.box_count++ == 0) tensor.first_box = i;
  }
}

std::string describe(const BoxTable& table, const TableBox& box) {
  const TableTensor& tensor = table.tensors[box.tensor];
  return base::str(label(tensor.slot, tensor.name), " ", topology::to_string(box.box));
}

std::string dataset_path(const std::string& slot, const std::string& tensor, const Box& box) {
  std::string name;
  for (std::size_t d = 0; d < box.size.size(); ++d) {
    if (d > 0) name += ',';
    name += base::str(box.offset[d], ":", box.offset[d] + box.size[d]);
  }
  return base::str("/", slot, "/", tensor, "/", name.empty() ? "all" : name);
}

std::string to_bytes(const BoxTable& table, std::size_t file_count) {
  Encoder tensors;
  Encoder boxes;
  Encoder dims;
  Encoder checksums;
  std::string names;
  const std::vector<std::string> slots = slot_numbers(table);
  std::size_t slot = 0;  // tensors are ordered by slot
  const auto put_dims = [&](const Shape& shape) { dims.put_raw(shape.data(), shape.size() * 8); };
  for (const auto& tensor : table.tensors) {
    if (tensor.slot != slots[slot]) ++slot;
    tensors.put<std::uint64_t>(tensor.first_box);
    tensors.put<std::uint64_t>(dims.size() / 8);
    tensors.put<std::uint32_t>(static_cast<std::uint32_t>(tensor.box_count));
    tensors.put<std::uint32_t>(static_cast<std::uint32_t>(names.size()));
    tensors.put<std::uint32_t>(static_cast<std::uint32_t>(tensor.name.size()));
    tensors.put<std::uint8_t>(static_cast<std::uint8_t>(slot));
    tensors.put<std::uint8_t>(number_of(tensor.dtype));
    tensors.put<std::uint8_t>(static_cast<std::uint8_t>(tensor.shape.size()));
    tensors.put<std::uint8_t>(0);
    put_dims(tensor.shape);
    names += tensor.name;
  }
  for (const auto& box : table.boxes) {
    boxes.put<std::uint64_t>(box.offset);
    boxes.put<std::uint64_t>(dims.size() / 8);
    boxes.put<std::uint64_t>(checksums.size() / 4);
    boxes.put<std::uint32_t>(box.tensor);
    boxes.put<std::uint32_t>(box.file);
    put_dims(box.box.offset);
    put_dims(box.box.size);
    checksums.put_raw(box.crc32c.data(), box.crc32c.size() * 4);
  }
  const std::string slot_names = joined(slots);
  Encoder header;
  header.put_raw(kTableMagic.data(), kTableMagic.size());
  header.put<std::uint32_t>(kBlockBytes);
  header.put<std::uint32_t>(static_cast<std::uint32_t>(file_count));
  header.put<std::uint64_t>(table.tensors.size());
  header.put<std::uint64_t>(table.boxes.size());
  header.put<std::uint64_t>(dims.size() / 8);
  header.put<std::uint64_t>(checksums.size() / 4);
  header.put<std::uint64_t>(names.size());
  header.put<std::uint64_t>(slot_names.size());
  header.put<std::uint64_t>(kTableHeaderBytes + tensors.size() + boxes.size() + dims.size() + checksums.size() +
                            names.size() + slot_names.size());
  return header.take() + tensors.take() + boxes.take() + dims.take() + checksums.take() + names + slot_names;
}

void check_coverage(std::string_view slot, const std::string& name, const Shape& shape,
                    std::span<const Box* const> boxes) {
  const auto fail = [&](const std::string& problem) { throw base::Error(base::str(label(slot, name), ": ", problem)); };
  std::int64_t covered = 0;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const Box& box = *boxes[i];
    covered += box.elements();
    // The boxes are ordered by offset: a later one can overlap this one only while it begins inside its range of dim 0.
    for (std::size_t j = i + 1; j < boxes.size(); ++j) {
      const Box& other = *boxes[j];
      if (box.offset.empty() || other.offset[0] >= box.offset[0] + box.size[0]) break;
      if (topology::overlap(box, other)) {
        fail(base::str("pieces ", topology::to_string(box), " and ", topology::to_string(other), " overlap"));
      }
    }
  }
  if (covered != topology::elements_of(shape)) {
    fail(base::str("its pieces hold ", covered, " of ", topology::elements_of(shape), " elements"));
  }
}

void check_coverage(const BoxTable& table) {
  std::vector<const Box*> boxes;
  for (const auto& box : table.boxes) boxes.push_back(&box.box);
  for (const auto& tensor : table.tensors) {
    check_coverage(tensor.slot, tensor.name, tensor.shape,
                   std::span<const Box* const>(boxes).subspan(tensor.first_box, tensor.box_count));
  }
}

}  // namespace trireme::checkpoint
