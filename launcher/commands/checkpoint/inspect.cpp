// trireme checkpoint inspect: what a checkpoint holds, from manifest and box table; with --stats from its data too.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/tools/statistics.hpp"
#include "launcher/commands/checkpoint/averaging.hpp"
#include "launcher/commands/checkpoint/byte_progress.hpp"
#include "launcher/commands/checkpoint/public_names.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

using Statistics = std::vector<checkpoint::TensorStatistics>;
using PublicPlaces = std::map<std::string, PublicPlace>;

/// Nothing, and a warning, where the stored options describe no model: the rest of the checkpoint can be inspected.
PublicPlaces public_places_of(const checkpoint::Manifest& manifest) {
  try {
    return public_places(manifest.options);
  } catch (const base::InputError& error) {
    base::print_warning(base::str("public names are not known: ", error.what()));
    return {};
  }
}

Statistics statistics_of(base::FileSystem& files, const checkpoint::OpenedCheckpoint& opened) {
  ByteProgress progress("reading", bytes_of(opened.manifest));
  return checkpoint::statistics(files, opened, usable_cores(), progress.hear());
}

/// Numbers that do not exist are null.
Json to_json(const checkpoint::TensorStatistics& of) {
  const auto number = [&](double value) { return of.any_finite() ? Json(value) : Json(); };
  return {{"min", number(of.min)},
          {"max", number(of.max)},
          {"mean", number(of.mean)},
          {"norm", number(of.norm)},
          {"not_finite", of.not_finite}};
}

Json to_json(const PublicPlace& place) {
  return {{"name", place.name}, {"part", place.part}, {"parts", place.parts}, {"transposed", place.transposed}};
}

/// `statistics` and `places` are empty when none were asked for.
Json describe_tensors(const checkpoint::BoxTable& table, const Statistics& statistics, const PublicPlaces& places) {
  Json tensors = Json::array();
  for (std::size_t t = 0; t < table.tensors.size(); ++t) {
    const auto& tensor = table.tensors[t];
    tensors.push_back({{"slot", tensor.slot},
                       {"name", tensor.name},
                       {"shape", tensor.shape},
                       {"dtype", name_of(tensor.dtype)},
                       {"boxes", tensor.box_count}});
    if (!statistics.empty()) tensors.back().update(to_json(statistics[t]));
    if (places.empty()) continue;
    const auto place = places.find(tensor.name);
    tensors.back()["public"] = place == places.end() ? Json() : to_json(place->second);
  }
  return tensors;
}

void print_statistics(const checkpoint::BoxTable& table, const Statistics& statistics) {
  std::vector<std::vector<std::string>> rows = {{"slot", "tensor", "min", "max", "mean", "norm", "not finite"}};
  for (std::size_t t = 0; t < statistics.size(); ++t) {
    const auto& of = statistics[t];
    const auto number = [&](double value) { return of.any_finite() ? number_text(value) : "-"; };
    rows.push_back({table.tensors[t].slot, table.tensors[t].name, number(of.min), number(of.max), number(of.mean),
                    number(of.norm), std::to_string(of.not_finite)});
  }
  base::answer_text(base::str("\n", format_table(rows, {.right = {2, 3, 4, 5, 6}, .spare = {0, 2, 3, 6, 4}})));
}

/// A tensor is listed once, whatever slots of it there are.
void print_public_names(const checkpoint::BoxTable& table, const PublicPlaces& places) {
  std::vector<std::vector<std::string>> rows = {{"tensor", "Hugging Face name", "stored there"}};
  std::set<std::string> listed;
  for (const auto& tensor : table.tensors) {
    if (!listed.insert(tensor.name).second) continue;
    const auto place = places.find(tensor.name);
    if (place == places.end()) {
      rows.push_back({tensor.name, "-", "-"});
    } else {
      rows.push_back({tensor.name, place->second.name, words_of(place->second)});
    }
  }
  base::answer_text(base::str("\n", format_table(rows)));
}

void print_inspection(const checkpoint::OpenedCheckpoint& opened) {
  const auto& manifest = opened.manifest;
  const std::vector<std::string> averaged = averaged_lines(manifest.extra);
  Json extra = manifest.extra;
  if (!averaged.empty()) extra.erase(kAveraged);  // it has lines of its own
  std::vector<std::vector<std::string>> rows = {{"checkpoint", opened.path.string()},
                                                {"format", base::str("version ", manifest.version)},
                                                {"step", std::to_string(manifest.step)},
                                                {"run", manifest.run_id},
                                                {"attempt", std::to_string(manifest.attempt)},
                                                {"job", manifest.job},
                                                {"saved", manifest.created},
                                                {"layout", layout_text(manifest.layout)},
                                                {"cursor", base::to_line(manifest.cursor)},
                                                {"extra", base::to_line(extra)},
                                                {"versions", base::to_line(manifest.versions)},
                                                {"size", format_bytes(static_cast<double>(bytes_of(manifest)))}};
  for (const std::string& line : averaged) rows.push_back({"averaged", line});
  base::answer_text(format_table(rows));
  rows = {{"slot", "tensor", "shape", "type", "pieces", "size"}};
  for (const auto& tensor : opened.table.tensors) {
    const auto elements = static_cast<std::uint64_t>(topology::elements_of(tensor.shape));
    rows.push_back({tensor.slot, tensor.name, shape_text(tensor.shape), name_of(tensor.dtype),
                    std::to_string(tensor.box_count),
                    format_bytes(static_cast<double>(elements * size_of(tensor.dtype)))});
  }
  base::answer_text(base::str("\n", format_table(rows, {.right = {4, 5}, .spare = {4, 3, 0}})));
  rows = {{"file", "size"}};
  for (const auto& shard : manifest.files) rows.push_back({shard.name, format_bytes(static_cast<double>(shard.bytes))});
  base::answer_text(base::str("\n", format_table(rows, {.right = {1}})));
}

}  // namespace

int checkpoint_inspect(const Arguments& arguments) {
  bool json = false;
  bool run_file = false;
  bool stats = false;
  bool public_names = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint inspect", "what a checkpoint holds, from its manifest and its table of pieces",
                            "trireme checkpoint inspect runs/bible/checkpoints/step_100\n"
                            "trireme checkpoint inspect --stats runs/bible\n"
                            "trireme checkpoint inspect --public-names runs/bible\n"
                            "trireme checkpoint inspect --options runs/bible > again.ini");
  line.flag("json", json, "print one JSON object instead of tables");
  line.flag("options", run_file, "print only the run file that it was saved with");
  line.flag("stats", stats, "also read all data: min, max, mean and L2 norm of each tensor's finite elements");
  line.flag("public-names", public_names, "also the names of the tensors in the family's public files (Hugging Face)");
  line.positionals("STEP_DIR", words, "a step directory, or a run directory for its newest one", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const auto opened = checkpoint::open_checkpoint(files, step_directory_of(files, words[0]));
  if (run_file) {
    base::answer_content(opened.manifest.options);
    return base::kExitDone;
  }
  const Statistics statistics = stats ? statistics_of(files, opened) : Statistics();
  const PublicPlaces places = public_names ? public_places_of(opened.manifest) : PublicPlaces();
  if (json) {
    Json all = Json::parse(opened.manifest_text);
    all["path"] = opened.path.string();
    all["tensors"] = describe_tensors(opened.table, statistics, places);
    base::answer_json(all);
  } else {
    print_inspection(opened);
    if (stats) print_statistics(opened.table, statistics);
    if (!places.empty()) print_public_names(opened.table, places);
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
