#include "launcher/hub/tensor_writer.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "launcher/hub/elements.hpp"

namespace trireme::launcher {

using checkpoint::BoxTable;
using checkpoint::TableTensor;
using topology::Box;

std::map<std::string, std::vector<ExportTarget>> export_targets(const ExportPlan& plan, const BoxTable& table) {
  std::map<std::string, std::vector<ExportTarget>> targets;
  for (std::size_t t = 0; t < plan.tensors.size(); ++t) {
    std::int64_t row = 0;
    for (const std::string& part : plan.tensors[t].meaning.parts) {
      const auto index = table.find(checkpoint::kParam, part);
      if (index < 0) throw base::InputError(base::str("the checkpoint has no param ", part));
      const auto& shape = table.tensors[static_cast<std::size_t>(index)].shape;
      if (shape.size() > 2) throw base::Error(base::str(part, " has more than two dims"));
      targets[part].push_back({t, row});
      row += shape.empty() ? 1 : shape[0];
    }
  }
  return targets;
}

void refuse_overflow(const ExportTensor& tensor) {
  throw base::InputError(base::str("tensor ", tensor.place.name, " holds a number that is too large for ",
                                   name_of(tensor.place.type), ": export with --dtype=bf16 or --dtype=fp32"));
}

/// One target of one stored tensor.
struct TensorWriter::Place {
  const ExportTensor& tensor;
  std::int64_t first_row;
  std::int64_t width;    ///< columns of the file's matrix
  std::int64_t element;  ///< bytes in the file
  checkpoint::DataType stored;
};

void TensorWriter::write(const TableTensor& tensor, const checkpoint::Block& block, std::span<const char> data,
                         const ExportTarget& target) {
  const ExportTensor& out = plan_.tensors[target.tensor];
  const auto& shape = out.place.shape;
  const Place place{out, target.first_row, shape.size() == 2 ? shape[1] : 1, safetensors::bits_of(out.place.type) / 8,
                    tensor.dtype};
  const Box& box = block.box->box;
  const auto element = static_cast<std::int64_t>(size_of(tensor.dtype));
  const std::int64_t first = static_cast<std::int64_t>(block.block * checkpoint::kBlockBytes) / element;
  const auto* bytes = reinterpret_cast<const std::byte*>(data.data());
  for (Box run : topology::boxes_of_range(box.size, first, static_cast<std::int64_t>(data.size()) / element)) {
    for (std::size_t d = 0; d < run.offset.size(); ++d) run.offset[d] += box.offset[d];
    if (out.meaning.transposed && run.size.size() == 2) {
      write_transposed(place, run, bytes);
    } else {
      write_run(place, run, bytes);
    }
    bytes += run.elements() * element;
  }
}

void TensorWriter::write_run(const Place& place, const Box& run, const std::byte* data) {
  const std::int64_t rows = run.size.empty() ? 1 : run.size[0];
  const std::int64_t columns = run.size.size() == 2 ? run.size[1] : 1;
  const std::int64_t row = place.first_row + (run.offset.empty() ? 0 : run.offset[0]);
  const std::int64_t column = run.size.size() == 2 ? run.offset[1] : 0;
  if (columns == place.width) {
    write_elements(place, row * place.width, rows * columns, data);
    return;
  }
  // Pieces of rows: through the page cache, which puts them together.
  base::File& file = out_.file_of(directory_ / plan_.shards[place.tensor.shard].name);
  const auto row_bytes = columns * static_cast<std::int64_t>(size_of(place.stored));
  staging_.resize(static_cast<std::size_t>(std::max(kStaging, columns * place.element)));
  for (std::int64_t r = 0; r < rows; ++r) {
    if (!narrow(place.stored, data + r * row_bytes, columns, place.tensor.place.type, staging_.data()))
      refuse_overflow(place.tensor);
    const std::int64_t at = (row + r) * place.width + column;
    file.pwrite(staging_.data(), static_cast<std::size_t>(columns * place.element),
                place.tensor.offset + static_cast<std::uint64_t>(at * place.element));
  }
}

void TensorWriter::write_elements(const Place& place, std::int64_t first, std::int64_t count, const std::byte* data) {
  const ExportShard& shard = plan_.shards[place.tensor.shard];
  checkpoint::BodyWriter& body = out_.of(directory_ / shard.name);
  const std::uint64_t offset = place.tensor.offset + static_cast<std::uint64_t>(first * place.element);
  const safetensors::ElementType type = place.tensor.place.type;
  if (stored_type_of(type) == place.stored && bits_of(type) == 8 * static_cast<int>(size_of(place.stored))) {
    body.write(data, static_cast<std::uint64_t>(count * place.element), offset);
    return;
  }
  staging_.resize(kStaging);
  const std::int64_t most = kStaging / place.element;
  for (std::int64_t done = 0; done < count; done += most) {
    const std::int64_t now = std::min(most, count - done);
    if (!narrow(place.stored, data + done * static_cast<std::int64_t>(size_of(place.stored)), now, type,
                staging_.data())) {
      refuse_overflow(place.tensor);
    }
    body.write(staging_.data(), static_cast<std::uint64_t>(now * place.element),
               offset + static_cast<std::uint64_t>(done * place.element));
  }
}

// Column c of the run becomes a piece of row c of the file's matrix.
void TensorWriter::write_transposed(const Place& place, const Box& run, const std::byte* data) {
  const std::int64_t rows = run.size[0];
  const std::int64_t columns = run.size[1];
  const auto stored = static_cast<std::int64_t>(size_of(place.stored));
  const std::int64_t longest = kStaging / place.element;
  staging_.resize(kStaging);
  base::File& file = out_.file_of(directory_ / plan_.shards[place.tensor.shard].name);
  for (std::int64_t r = 0; r < rows; r += longest) {
    const std::int64_t tall = std::min(longest, rows - r);
    const std::int64_t strip = std::max<std::int64_t>(1, longest / tall);
    const auto row_bytes = static_cast<std::size_t>(tall * place.element);
    for (std::int64_t c = 0; c < columns; c += strip) {
      const std::int64_t wide = std::min(strip, columns - c);
      if (!narrow_transposed(place.stored, data + (r * columns + c) * stored, {tall, wide, columns, tall},
                             place.tensor.place.type, staging_.data())) {
        refuse_overflow(place.tensor);
      }
      const std::int64_t at = (run.offset[1] + c) * place.width + place.first_row + run.offset[0] + r;
      const std::uint64_t offset = place.tensor.offset + static_cast<std::uint64_t>(at * place.element);
      if (tall == place.width) {
        out_.of(directory_ / plan_.shards[place.tensor.shard].name)
            .write(staging_.data(), static_cast<std::uint64_t>(wide) * row_bytes, offset);
        continue;
      }
      for (std::int64_t i = 0; i < wide; ++i) {
        file.pwrite(staging_.data() + static_cast<std::size_t>(i) * row_bytes, row_bytes,
                    offset + static_cast<std::uint64_t>(i * place.width * place.element));
      }
    }
  }
}

}  // namespace trireme::launcher
