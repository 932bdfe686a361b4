#include "launcher/hub/import.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>

#include "base/checksum.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/random_name.hpp"
#include "io/checkpoint/format/foreign_entries.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/format/parallel.hpp"
#include "io/checkpoint/save/whole_writer.hpp"
#include "launcher/hub/elements.hpp"
#include "launcher/hub/output_directory.hpp"
#include "launcher/hub/tensor_reader.hpp"
#include "models/spec/logical_tensor.hpp"
#include "models/spec/properties.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

/// All parameters, in the order in which they lie in the directory's files.
std::vector<checkpoint::WholeTensor> tensors_of(const HubDirectory& directory) {
  std::vector<checkpoint::WholeTensor> tensors;
  for (const auto& logical : spec::logical_tensors(spec::make_plan(directory.model()))) {
    tensors.push_back({logical.name, logical.shape, directory.stored_type(logical.name)});
  }
  const auto place = [&](const checkpoint::WholeTensor& tensor) {
    const HubPlace& at = directory.places().at(tensor.name);
    return std::pair(at.tensor, at.first_row);
  };
  std::ranges::sort(tensors, {}, place);
  return tensors;
}

/// A run file is made of lines.
std::string without_control_characters(std::string name) {
  std::ranges::replace_if(
      name, [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; }, '_');
  return name;
}

/// The run file of which the model comes: what is no part of it has its default.
std::string run_file(const HubDirectory& directory) {
  options::RunOptions options;
  const std::string& name = directory.record().name;
  options.run.name = without_control_characters(name.substr(name.rfind('/') + 1));
  options.run.dir = "runs/" + options.run.name;
  options.model = model_section(directory);
  return options::to_ini(options);
}

checkpoint::Manifest manifest_of(const HubDirectory& directory, const ImportOptions& options) {
  checkpoint::Manifest manifest;
  manifest.run_id = "import-" + base::random_name();
  manifest.job = "local";
  manifest.created = base::utc_now();
  manifest.options = run_file(directory);
  manifest.layout = {{"text", "imported"}};
  manifest.cursor = base::Json::object();
  manifest.extra = {{"imported", directory.record().name}};
  if (const auto tokenizer = directory.record().text("tokenizer.json")) {
    manifest.extra["tokenizer_hash"] = base::xxh3_hex(*tokenizer);
  }
  manifest.versions = options.versions;
  return manifest;
}

/// Reads elements [first, first + count) of a logical tensor.
void read_range(HubTensorReader& reader, const HubPlace& place, const topology::Shape& shape, base::DataType type,
                std::int64_t first, std::int64_t count, std::byte* into) {
  for (const topology::Box& box : topology::boxes_of_range(shape, first, count)) {
    reader.read(place, box, type, into);
    into += static_cast<std::size_t>(box.elements()) * size_of(type);
  }
}

void check_copies(base::FileSystem& files, const HubDirectory& directory, const ImportOptions& options) {
  const auto go_on = [&] { return options.progress(0); };
  checkpoint::for_each_part(directory.copies().size(), options.threads, [&]() -> checkpoint::PartWorker {
    return [&](std::size_t part) { check_copy(files, directory, part, go_on); };
  });
}

}  // namespace

options::ModelSection model_section(const HubDirectory& directory) {
  const spec::ModelConfig& model = directory.model();
  options::ModelSection section;
  section.arch = model.arch;
  spec::for_each_property([&](const auto& property) { section.*property.kGiven = model.*property.kValue; });
  section.dropout.reset();
  section.init_std.reset();
  return section;
}

std::uint64_t stored_bytes(const HubDirectory& directory) {
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors_of(directory)) {
    bytes += static_cast<std::uint64_t>(topology::elements_of(tensor.shape)) * size_of(tensor.dtype);
  }
  return bytes;
}

void check_copy(base::FileSystem& files, const HubDirectory& directory, std::size_t part,
                const std::function<bool()>& go_on) {
  const auto& [logical, copy] = directory.copies().at(part);
  const HubPlace& original = directory.places().at(logical);
  // A rounded copy has other numbers.
  const bool wide = std::ranges::any_of(std::array{original.tensor, copy.tensor}, [&](std::size_t tensor) {
    return stored_type_of(directory.tensors()[tensor].place.type) == base::DataType::kFloat64;
  });
  const base::DataType type = wide ? base::DataType::kFloat64 : base::DataType::kFloat32;
  topology::Shape shape;
  for (const auto& tensor : spec::logical_tensors(spec::make_plan(directory.model()))) {
    if (tensor.name == logical) shape = tensor.shape;
  }
  constexpr std::int64_t kPiece = 1 << 20;
  const std::int64_t elements = topology::elements_of(shape);
  std::vector<std::byte> one(kPiece * size_of(type));
  std::vector<std::byte> other(one.size());
  HubTensorReader reader(files, directory);
  HubTensorReader copy_reader(files, directory);
  for (std::int64_t first = 0; first < elements; first += kPiece) {
    if (!go_on()) throw base::Stopped("the comparison of copies was stopped");
    const std::int64_t count = std::min(kPiece, elements - first);
    read_range(reader, original, shape, type, first, count, one.data());
    read_range(copy_reader, copy, shape, type, first, count, other.data());
    if (std::memcmp(one.data(), other.data(), static_cast<std::size_t>(count) * size_of(type)) == 0) continue;
    throw InputError(str(directory.path().string(), ": ", directory.tensors()[copy.tensor].place.name,
                         " should be the same as ", directory.tensors()[original.tensor].place.name,
                         " and has other numbers: if the model is meant so, its config must untie them"));
  }
}

ImportResult import_hub(base::FileSystem& files, const HubDirectory& directory, const Path& output,
                        const ImportOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const checkpoint::Manifest manifest = manifest_of(directory, options);
  require_step_name(output, manifest.step, "import");
  OutputDirectory target(files, output, options.overwrite, "a checkpoint",
                         [&](const Path& existing) { return checkpoint::why_no_checkpoint(files, existing); });
  check_copies(files, directory, options);
  checkpoint::WholeWriting writing;
  writing.tensors = tensors_of(directory);
  writing.hub = to_text(directory.record());
  writing.threads = options.threads;
  writing.progress = options.progress;
  writing.make_fill = [&]() -> checkpoint::FillBlock {
    const auto reader = std::make_shared<HubTensorReader>(files, directory);
    return [&, reader](std::size_t tensor, std::int64_t first, std::int64_t count, std::byte* into) {
      const checkpoint::WholeTensor& what = writing.tensors[tensor];
      read_range(*reader, directory.places().at(what.name), what.shape, what.dtype, first, count, into);
    };
  };
  ImportResult result;
  result.bytes = checkpoint::write_whole(files, target.partial(), manifest, writing);
  target.commit();
  for (const auto& tensor : writing.tensors) {
    result.parameters += static_cast<std::uint64_t>(topology::elements_of(tensor.shape));
  }
  result.seconds = base::seconds_since(start);
  return result;
}

}  // namespace trireme::launcher
