#include "launcher/hub/weights.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "base/bfloat16.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "io/checkpoint/load/tensor_agreement.hpp"
#include "io/checkpoint/load/tensor_match.hpp"
#include "io/checkpoint/ranks/together.hpp"
#include "launcher/hub/import.hpp"
#include "launcher/hub/tensor_reader.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::launcher {
namespace {

using checkpoint::BoxTable;
using checkpoint::kParam;
using checkpoint::WantedBox;

/// The directory's logical tensors, as a checkpoint would list them: one box each, ordered by name.
BoxTable table_of(const HubDirectory& directory) {
  BoxTable table;
  for (const auto& tensor : spec::logical_tensors(spec::make_plan(directory.model()))) {
    table.tensors.push_back({kParam, tensor.name, tensor.shape, directory.stored_type(tensor.name)});
  }
  std::ranges::sort(table.tensors, {}, &checkpoint::TableTensor::name);
  return table;
}

/// Reads a box as fp32, some rows at a time, and rounds it to bf16.
void read_rounded(HubTensorReader& reader, const HubPlace& place, const topology::Box& box, std::uint16_t* into) {
  constexpr std::int64_t kElements = 1 << 20;
  const std::int64_t rows = box.size.empty() ? 1 : box.size[0];
  const std::int64_t width = box.elements() / std::max<std::int64_t>(1, rows);
  const std::int64_t most = std::max<std::int64_t>(1, kElements / std::max<std::int64_t>(1, width));
  std::vector<float> wide;
  for (std::int64_t first = 0; first < rows; first += most) {
    topology::Box piece = box;
    if (!box.size.empty()) {
      piece.offset[0] += first;
      piece.size[0] = std::min(most, rows - first);
    }
    wide.resize(static_cast<std::size_t>(piece.elements()));
    reader.read(place, piece, base::DataType::kFloat32, reinterpret_cast<std::byte*>(wide.data()));
    std::ranges::transform(wide, into + first * width, base::bfloat16_bits);
  }
}

void read_box(HubTensorReader& reader, const HubDirectory& directory, const checkpoint::TableTensor& stored,
              const WantedBox& wanted) {
  const topology::Box part = checkpoint::stored_part(stored, wanted);
  if (part.empty()) return;
  const HubPlace& place = directory.places().at(wanted.tensor);
  if (part.offset != wanted.box.offset) throw base::Error(base::str(wanted.tensor, ": rows are missing at its start"));
  // Only rows at the end can be missing, so the part is dense at the start of the wanted box.
  if (wanted.dtype == base::DataType::kBFloat16) {
    read_rounded(reader, place, part, static_cast<std::uint16_t*>(wanted.data));
  } else {
    reader.read(place, part, wanted.dtype, static_cast<std::byte*>(wanted.data));
  }
}

}  // namespace

HubDirectory share_hub_directory(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                 const std::filesystem::path& path) {
  std::string text;
  int code = base::kExitDone;
  std::string failure;
  if (coordinator.rank() == 0) {
    try {
      text = to_text(HubDirectory::open(files, path).record());
    } catch (const std::exception& error) {
      code = base::exit_code(error);
      failure = error.what();
    }
  }
  const std::string status = coordinator.broadcast(base::str(code, '\n', failure));
  if (const int agreed = std::stoi(status); agreed != base::kExitDone) {
    base::throw_with_code(agreed, status.substr(status.find('\n') + 1));
  }
  text = coordinator.broadcast(std::move(text));
  return HubDirectory::from_record(path, parse_hub_record(text, path.string()));
}

checkpoint::LoadResult load_hub_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                        const HubDirectory& directory, std::span<const WantedBox> wanted,
                                        const checkpoint::LoadOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const BoxTable table = table_of(directory);
  checkpoint::LoadResult result =
      checkpoint::agree_on_tensors(coordinator, table, wanted, options, directory.path().string());
  const std::string failure = checkpoint::together(coordinator, [&] {
    HubTensorReader reader(files, directory);
    for (const WantedBox& box : wanted) {
      const auto index = table.find(box.slot, box.tensor);
      if (index >= 0 && !box.box.empty()) {
        read_box(reader, directory, table.tensors[static_cast<std::size_t>(index)], box);
      }
    }
    for (std::size_t i = 0; i < directory.copies().size(); ++i) {
      if (i % static_cast<std::size_t>(coordinator.size()) == static_cast<std::size_t>(coordinator.rank())) {
        check_copy(files, directory, i);
      }
    }
  });
  if (!failure.empty()) throw base::Error(base::str("cannot load ", directory.path().string(), ": ", failure));
  for (const auto& tensor : directory.tensors()) {
    if (!tensor.meaning.parts.empty()) result.bytes_read += tensor.place.bytes();
  }
  result.seconds = base::seconds_since(start);
  return result;
}

}  // namespace trireme::launcher
