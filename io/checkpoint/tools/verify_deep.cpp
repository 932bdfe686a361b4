#include "io/checkpoint/tools/verify_deep.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "io/checkpoint/format/shard.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::checkpoint {
namespace {

/// Returns "" when the dataset is what the table says, otherwise the difference.
std::string difference(const hdf5::File& shard, const TableTensor& tensor, const TableBox& box,
                       const std::string& path) {
  const hdf5::Dataset dataset = shard.dataset(path);
  if (!dataset.contiguous()) return "HDF5 does not store it in one piece";
  if (dataset.offset() != box.offset)
    return base::str("HDF5 has it at byte ", dataset.offset(), ", BOXES.bin at ", box.offset);
  if (dataset.shape() != box.box.size) return "HDF5 has it in another shape";
  if (dataset.type() != element_type(tensor.dtype)) return "HDF5 has it in another element type";
  if (dataset.read_integers("global_shape") != tensor.shape) return "its attribute global_shape differs";
  if (dataset.read_integers("offset") != box.box.offset) return "its attribute offset differs";
  if (dataset.read_text("dtype") != name_of(tensor.dtype)) return "its attribute dtype differs";
  return "";
}

}  // namespace

std::vector<Finding> compare_with_hdf5(const OpenedCheckpoint& opened, std::uint32_t file, ShardCheck check) {
  if (check == ShardCheck::kBytes) return {};
  const std::string& name = opened.manifest.files[file].name;
  if (name == kHubName) return {};  // no HDF5 file, and parse_checkpoint() saw to it that it holds no box
  const auto lock = hdf5::exclusive_use();
  std::vector<Finding> findings;
  try {
    const hdf5::File shard = hdf5::File::open(opened.path / name);
    if (const std::string problem = shard.foreign_storage(); !problem.empty()) {
      return {{"metadata of " + name, problem}};
    }
    if (check == ShardCheck::kStorage) return {};
    const auto datasets = shard.datasets();
    std::set<std::string> unknown(datasets.begin(), datasets.end());
    for (const auto& box : opened.table.boxes) {
      if (box.file != file) continue;
      const auto& tensor = opened.table.tensors[box.tensor];
      const std::string path = dataset_path(tensor.slot, tensor.name, box.box);
      const std::string problem =
          unknown.erase(path) == 0 ? "HDF5 finds no dataset " + path : difference(shard, tensor, box, path);
      if (!problem.empty()) findings.push_back({describe(opened.table, box), problem});
    }
    for (const auto& path : unknown) findings.push_back({"metadata of " + name, "BOXES.bin does not know " + path});
  } catch (const hdf5::Hdf5Error& error) {
    findings.push_back({"metadata of " + name, error.what()});
  }
  return findings;
}

}  // namespace trireme::checkpoint
