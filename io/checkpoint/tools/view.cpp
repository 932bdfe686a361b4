#include "io/checkpoint/tools/view.hpp"

#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/parallel.hpp"
#include "io/checkpoint/format/shard.hpp"
#include "io/checkpoint/format/shard_metadata.hpp"
#include "io/checkpoint/tools/verify_deep.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

/// The path of the step directory, relative to the view's directory. Symbolic links are resolved on both sides, so that
/// ".." means what it says.
Path path_from(const Path& output, const Path& step_directory) {
  const Path from = std::filesystem::weakly_canonical(std::filesystem::absolute(output).parent_path());
  const Path to = std::filesystem::weakly_canonical(step_directory);
  const Path relative = to.lexically_relative(from);
  return relative.empty() ? to : relative;
}

hdf5::Image make_image(const OpenedCheckpoint& opened, const Path& output) {
  const auto lock = hdf5::exclusive_use();
  const Path shards = path_from(output, opened.path);
  hdf5::Image image;
  hdf5::File file = hdf5::File::create_in(image, output.string());
  for (const auto& tensor : opened.table.tensors) {
    std::vector<hdf5::VirtualPart> parts;
    for (std::size_t b = tensor.first_box; b < tensor.first_box + tensor.box_count; ++b) {
      const TableBox& box = opened.table.boxes[b];
      parts.push_back({(shards / opened.manifest.files[box.file].name).string(),
                       dataset_path(tensor.slot, tensor.name, box.box), box.box.offset, box.box.size});
    }
    const auto type = element_type(tensor.dtype);
    file.create_virtual_dataset(base::str("/", tensor.slot, "/", tensor.name), type, tensor.shape, parts);
  }
  hdf5::Group root = file.group("/");
  root.write_attribute("step", opened.manifest.step);
  root.write_attribute("run_id", std::string_view(opened.manifest.run_id));
  file.close();
  return image;
}

void write_file(base::FileSystem& files, const Path& output, const hdf5::Image& image) {
  base::TemporaryFile temporary = files.create_temporary(output);
  try {
    temporary.file->truncate(image.length());
    image.write_to(*temporary.file);
    temporary.file->sync();
    temporary.file->close();
    files.rename(temporary.path, output);
  } catch (...) {
    temporary.file.reset();
    files.remove(temporary.path);
    throw;
  }
  files.sync_directory(output.has_parent_path() ? output.parent_path() : Path("."));
}

/// The view must lie outside: a checkpoint with a foreign file counts as damaged.
void refuse_inside(const Path& step_directory, const Path& output) {
  const std::string inside = std::filesystem::weakly_canonical(output).string();
  if (!inside.starts_with(std::filesystem::weakly_canonical(step_directory / "x").parent_path().string() + "/")) return;
  throw base::InputError(base::str(output.string(), " would lie in the checkpoint ", step_directory.string(),
                                   ": write the view to another directory"));
}

/// A view leads other programs into the shards, so these must find there exactly what BOXES.bin says.
void check_what_readers_see(const OpenedCheckpoint& opened) {
  for (std::uint32_t file = 0; file < opened.manifest.files.size(); ++file) {
    const auto findings = compare_with_hdf5(opened, file, ShardCheck::kDeep);
    if (!findings.empty()) throw DamagedCheckpoint(opened.path, findings[0].subject, findings[0].problem);
  }
}

}  // namespace

std::size_t write_view(base::FileSystem& files, const Path& step_directory, const Path& named,
                       base::Overwrite overwrite, int threads) {
  const OpenedCheckpoint opened = open_checkpoint(files, step_directory);
  const Path output = base::output_file(named, overwrite);
  refuse_inside(step_directory, output);
  for_each_part(opened.manifest.files.size(), threads, [&]() -> PartWorker {
    return [&](std::size_t file) {
      check_metadata(files, opened.path, opened.manifest, opened.table, static_cast<std::uint32_t>(file));
    };
  });
  check_what_readers_see(opened);
  const hdf5::Image image = make_image(opened, output);
  write_file(files, base::output_file(named, overwrite), image);
  return opened.table.tensors.size();
}

}  // namespace trireme::checkpoint
