#include "launcher/hub/tensor_reader.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

std::int64_t element_bytes(const HubFileTensor& tensor) { return safetensors::bits_of(tensor.place.type) / 8; }

bool needs_no_conversion(const HubFileTensor& tensor, base::DataType type) {
  using safetensors::ElementType;
  return (tensor.place.type == ElementType::kF32 && type == base::DataType::kFloat32) ||
         (tensor.place.type == ElementType::kF64 && type == base::DataType::kFloat64);
}

}  // namespace

void HubTensorReader::read(const HubPlace& place, const topology::Box& box, base::DataType type, std::byte* into) {
  if (box.empty()) return;
  const HubFileTensor& tensor = directory_.tensors().at(place.tensor);
  const std::size_t dims = box.size.size();
  if (dims > 2) throw base::Error(base::str(tensor.place.name, " has more than two dims"));
  Part part{&tensor, place.first_row, 1, 0, 1, 1, type};
  if (dims >= 1) {
    part.row += box.offset[0];
    part.rows = box.size[0];
  }
  if (dims == 2) {
    part.column = box.offset[1];
    part.columns = box.size[1];
  }
  const auto& shape = tensor.place.shape;
  if (shape.size() == 2) part.width = shape[1];
  if (tensor.meaning.transposed && dims == 2) {
    read_transposed(part, into);
  } else {
    read_rows(part, into);
  }
}

void HubTensorReader::read_rows(const Part& part, std::byte* into) {
  if (part.columns == part.width) {
    read_run(part, part.row * part.width, part.rows * part.columns, into);
    return;
  }
  const auto row_bytes = part.columns * static_cast<std::int64_t>(size_of(part.type));
  for (std::int64_t r = 0; r < part.rows; ++r) {
    read_run(part, (part.row + r) * part.width + part.column, part.columns, into + r * row_bytes);
  }
}

void HubTensorReader::read_run(const Part& part, std::int64_t first, std::int64_t count, std::byte* into) {
  const HubFileTensor& tensor = *part.tensor;
  const std::int64_t element = element_bytes(tensor);
  if (needs_no_conversion(tensor, part.type)) {
    fetch(tensor, static_cast<std::uint64_t>(first * element), static_cast<std::uint64_t>(count * element), into);
    return;
  }
  const std::int64_t most = static_cast<std::int64_t>(kStaging) / element;
  staging_.resize(kStaging);
  for (std::int64_t done = 0; done < count; done += most) {
    const std::int64_t now = std::min(most, count - done);
    fetch(tensor, static_cast<std::uint64_t>((first + done) * element), static_cast<std::uint64_t>(now * element),
          staging_.data());
    widen(tensor.place.type, staging_.data(), now, part.type,
          into + done * static_cast<std::int64_t>(size_of(part.type)));
  }
}

// Rows of the logical tensor are columns of the file's: strips of the file's rows are read and transposed.
void HubTensorReader::read_transposed(const Part& part, std::byte* into) {
  const std::int64_t element = element_bytes(*part.tensor);
  staging_.resize(kStaging);
  // A row of a strip must fit; the rest of a very long one is read as further columns.
  const std::int64_t longest = static_cast<std::int64_t>(kStaging) / element;
  for (std::int64_t r = 0; r < part.rows; r += longest) {
    Part narrow = part;
    narrow.row += r;
    narrow.rows = std::min(longest, part.rows - r);
    const std::int64_t strip = std::max<std::int64_t>(1, longest / narrow.rows);
    std::byte* const to = into + r * part.columns * static_cast<std::int64_t>(size_of(part.type));
    for (std::int64_t c = 0; c < part.columns; c += strip) {
      read_strip(narrow, c, std::min(strip, part.columns - c), to);
    }
  }
}

void HubTensorReader::read_strip(const Part& part, std::int64_t first, std::int64_t count, std::byte* into) {
  const HubFileTensor& tensor = *part.tensor;
  const std::int64_t element = element_bytes(tensor);
  const auto offset = [&](std::int64_t row) {
    return static_cast<std::uint64_t>(((part.column + row) * part.width + part.row) * element);
  };
  const auto row_bytes = static_cast<std::uint64_t>(part.rows * element);
  if (part.rows == part.width) {
    fetch(tensor, offset(first), static_cast<std::uint64_t>(count) * row_bytes, staging_.data());
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      fetch(tensor, offset(first + i), row_bytes, staging_.data() + static_cast<std::uint64_t>(i) * row_bytes);
    }
  }
  widen_transposed(tensor.place.type, staging_.data(), {count, part.rows, part.rows, part.columns}, part.type,
                   into + first * static_cast<std::int64_t>(size_of(part.type)));
}

void HubTensorReader::fetch(const HubFileTensor& tensor, std::uint64_t offset, std::uint64_t length, void* into) {
  const std::filesystem::path path = directory_.path() / directory_.record().shards[tensor.shard].name;
  if (!file_ || open_ != tensor.shard) {
    file_ = files_.open(path, base::OpenMode::kRead);
    open_ = tensor.shard;
  }
  if (file_->pread(into, length, tensor.offset + offset) == length) return;
  throw base::InputError(base::str(path.string(), " became shorter while it was read"));
}

}  // namespace trireme::launcher
