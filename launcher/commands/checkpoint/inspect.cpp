// trireme checkpoint inspect: what a checkpoint holds.
#include <vector>

#include "io/checkpoint/open_checkpoint.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/format.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

Json describe_tensors(const checkpoint::BoxTable& table) {
  Json tensors = Json::array();
  for (const auto& tensor : table.tensors) {
    tensors.push_back({{"kind", name_of(tensor.kind)},
                       {"name", tensor.name},
                       {"shape", tensor.shape},
                       {"dtype", name_of(tensor.dtype)},
                       {"boxes", tensor.box_count}});
  }
  return tensors;
}

void print_inspection(const checkpoint::OpenedCheckpoint& opened) {
  const auto& manifest = opened.manifest;
  print(format_table({{"checkpoint", opened.path.string()},
                      {"step", std::to_string(manifest.step)},
                      {"run", manifest.run_id},
                      {"attempt", std::to_string(manifest.attempt)},
                      {"job", manifest.job},
                      {"saved", manifest.created},
                      {"layout", layout_text(manifest.layout)},
                      {"cursor", base::to_line(manifest.cursor)},
                      {"extra", base::to_line(manifest.extra)},
                      {"versions", base::to_line(manifest.versions)},
                      {"size", format_bytes(static_cast<double>(bytes_of(manifest)))}}));
  std::vector<std::vector<std::string>> rows = {{"kind", "tensor", "shape", "type", "boxes", "size"}};
  for (const auto& tensor : opened.table.tensors) {
    const auto elements = static_cast<std::uint64_t>(topology::elements_of(tensor.shape));
    rows.push_back({name_of(tensor.kind), tensor.name, shape_text(tensor.shape), name_of(tensor.dtype),
                    std::to_string(tensor.box_count),
                    format_bytes(static_cast<double>(elements * size_of(tensor.dtype)))});
  }
  print(base::str("\n", format_table(rows, {4, 5})));
  rows = {{"file", "size"}};
  for (const auto& shard : manifest.files) rows.push_back({shard.name, format_bytes(static_cast<double>(shard.bytes))});
  print(base::str("\n", format_table(rows, {1})));
}

}  // namespace

int checkpoint_inspect(const Arguments& arguments) {
  bool json = false;
  bool run_file = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint inspect", "what a checkpoint holds, from its manifest and box table",
                            "trireme checkpoint inspect runs/bible/checkpoints/step_100\n"
                            "trireme checkpoint inspect --options runs/bible > again.ini");
  line.flag("json", json, "print one JSON object instead of tables");
  line.flag("options", run_file, "print only the run file that it was saved with");
  line.positionals("STEP_DIR", words, "a step directory, or a run directory for its newest one", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const auto opened = checkpoint::open_checkpoint(files, step_directory_of(files, words[0]));
  if (run_file) {
    print(opened.manifest.options);
  } else if (json) {
    Json all = Json::parse(opened.manifest_text);
    all["path"] = opened.path.string();
    all["tensors"] = describe_tensors(opened.table);
    print(all);
  } else {
    print_inspection(opened);
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
