#include "launcher/commands/checkpoint/averaging.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/random_name.hpp"
#include "base/words.hpp"
#include "io/checkpoint/format/foreign_entries.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/commands/hub/shared.hpp"
#include "launcher/hub/output_directory.hpp"
#include "launcher/options/model_difference.hpp"
#include "launcher/options/number.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::Json;
using base::str;
using checkpoint::AverageSource;
using checkpoint::Manifest;
using checkpoint::OpenedCheckpoint;
using Path = std::filesystem::path;

constexpr const char* kTokenizerHash = "tokenizer_hash";

std::string tokenizer_hash(const Manifest& manifest) {
  const auto hash = manifest.extra.is_object() ? manifest.extra.find(kTokenizerHash) : manifest.extra.end();
  return hash != manifest.extra.end() && hash->is_string() ? hash->get<std::string>() : "";
}

/// The tokenizer that the sources agree on; "" when none says which it had.
std::string common_tokenizer(const std::vector<AverageSource>& sources) {
  const OpenedCheckpoint* first = nullptr;
  for (const AverageSource& source : sources) {
    const std::string hash = tokenizer_hash(source.opened.manifest);
    if (hash.empty()) continue;
    if (first == nullptr) first = &source.opened;
    const std::string known = tokenizer_hash(first->manifest);
    if (hash == known) continue;
    throw InputError(str(first->path.string(), " and ", source.opened.path.string(),
                         " were trained with different tokenizers (", known, " and ", hash,
                         "), so their embeddings are of different tokens: leave one of them out"));
  }
  return first == nullptr ? "" : tokenizer_hash(first->manifest);
}

options::RunOptions stored_options(const OpenedCheckpoint& opened) {
  return options::parse_run_options(opened.manifest.options, opened.path.string());
}

void require_one_model(const std::vector<AverageSource>& sources) {
  const OpenedCheckpoint& first = sources.front().opened;
  const options::RunOptions model = stored_options(first);
  for (std::size_t i = 1; i < sources.size(); ++i) {
    const OpenedCheckpoint& other = sources[i].opened;
    const auto difference = options::model_difference(model, stored_options(other));
    if (!difference) continue;
    throw InputError(str(first.path.string(), " and ", other.path.string(),
                         " are of different models: ", difference->key, " is ", difference->one, " in the first and ",
                         difference->other, " in the second: leave one of them out"));
  }
  checkpoint::averaged_tensors(sources);
}

Json list_sources(const std::vector<AverageSource>& sources) {
  double total = 0;
  for (const AverageSource& source : sources) total += source.weight;
  Json list = Json::array();
  for (const AverageSource& source : sources) {
    list.push_back({{"path", std::filesystem::absolute(source.opened.path).lexically_normal().string()},
                    {"step", source.opened.manifest.step},
                    {"weight", source.weight / total},
                    {"checksum", source.opened.manifest.checksum}});
  }
  return list;
}

Manifest manifest_of(const std::vector<AverageSource>& sources) {
  Manifest manifest;
  for (const AverageSource& source : sources) manifest.step = std::max(manifest.step, source.opened.manifest.step);
  manifest.run_id = "average-" + base::random_name();
  manifest.job = "local";
  manifest.created = base::utc_now();
  manifest.options = sources.front().opened.manifest.options;
  manifest.layout = {{"text", "averaged"}};
  manifest.cursor = Json::object();
  manifest.extra = {{kAveraged, list_sources(sources)}};
  if (const std::string hash = common_tokenizer(sources); !hash.empty()) manifest.extra[kTokenizerHash] = hash;
  manifest.versions = library_versions_json();
  return manifest;
}

/// Whether `path` is `folder` or lies in it; both canonical.
bool lies_in(const Path& path, const Path& folder) { return std::ranges::mismatch(folder, path).in1 == folder.end(); }

void check_output(base::FileSystem& files, const std::vector<AverageSource>& sources, const Path& output,
                  std::int64_t step) {
  Path whole = std::filesystem::weakly_canonical(std::filesystem::absolute(output)).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  for (const AverageSource& source : sources) {
    const Path folder = std::filesystem::weakly_canonical(std::filesystem::absolute(source.opened.path));
    if (!lies_in(whole, folder)) continue;
    throw InputError(str(output.string(), " is, or lies in, the checkpoint ", source.opened.path.string(),
                         ", which is to be averaged: name another directory"));
  }
  require_step_name(output, step, "average");
  const Path folder = whole.parent_path();
  if (folder.filename() == "checkpoints" && files.exists(folder.parent_path() / "attempts.jsonl")) {
    throw InputError(str(output.string(), " would be a checkpoint of the run ", folder.parent_path().string(),
                         ", which cannot resume from weights alone: name a directory outside of it"));
  }
}

}  // namespace

std::vector<double> parse_weights(const std::string& text, std::size_t count) {
  if (text.empty()) return std::vector<double>(count, 1.0);
  std::vector<double> weights;
  for (const std::string& word : base::split(text, ',')) {
    const auto weight = options::parse_number(word);
    if (!weight || *weight <= 0) {
      throw InputError(str("--weights: '", word, "' is no number above 0: give one for each checkpoint, as in 1,1,2"));
    }
    weights.push_back(*weight);
  }
  if (weights.size() != count) {
    throw InputError(
        str("--weights has ", weights.size(), " numbers for ", count, " checkpoints: give one for each, as in 1,1,2"));
  }
  int exponent = 0;
  std::frexp(std::ranges::max(weights), &exponent);
  for (double& weight : weights) {
    weight = std::ldexp(weight, -exponent);
    if (weight > 0) continue;
    throw InputError(
        "--weights: one number is so small beside another one that it counts for nothing: leave its "
        "checkpoint out");
  }
  return weights;
}

std::vector<AverageSource> open_sources(base::FileSystem& files, const std::vector<Path>& step_directories,
                                        const std::vector<double>& weights) {
  std::vector<AverageSource> sources;
  for (std::size_t i = 0; i < step_directories.size(); ++i) {
    sources.push_back({checkpoint::open_checkpoint(files, step_directories[i]), weights.at(i)});
    sources.back().opened.boxes_bytes = {};  // parsed, and as large as the table
  }
  require_one_model(sources);
  common_tokenizer(sources);
  return sources;
}

AverageResult average(base::FileSystem& files, const std::vector<AverageSource>& sources, const Path& output,
                      const AverageOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Manifest manifest = manifest_of(sources);
  check_output(files, sources, output, manifest.step);
  const OpenedCheckpoint& first = sources.front().opened;
  checkpoint::Averaging averaging;
  averaging.hub = checkpoint::read_hub_file(files, first.path, first.manifest);
  averaging.threads = options.threads;
  averaging.progress = options.progress;
  OutputDirectory target(files, output, options.overwrite, "a checkpoint",
                         [&](const Path& existing) { return checkpoint::why_no_checkpoint(files, existing); });
  AverageResult result;
  result.bytes = checkpoint::write_average(files, sources, target.partial(), manifest, averaging);
  target.commit();
  result.step = manifest.step;
  for (const auto& tensor : checkpoint::averaged_tensors(sources)) {
    result.parameters += static_cast<std::uint64_t>(topology::elements_of(tensor.shape));
  }
  result.sources = manifest.extra.at(kAveraged);
  result.seconds = base::seconds_since(start);
  return result;
}

std::vector<std::string> averaged_lines(const Json& extra) {
  std::vector<std::string> lines;
  const auto list = extra.is_object() ? extra.find(kAveraged) : extra.end();
  if (list == extra.end() || !list->is_array()) return lines;
  for (const Json& source : *list) {
    const bool whole = source.is_object() && source.contains("path") && source["path"].is_string() &&
                       source.contains("step") && source["step"].is_number_integer() && source.contains("weight") &&
                       source["weight"].is_number();
    if (!whole) return {};  // of another program
    lines.push_back(str(source["path"].get<std::string>(), ", step ", source["step"].get<std::int64_t>(), ", weight ",
                        number_text(source["weight"].get<double>())));
  }
  return lines;
}

}  // namespace trireme::launcher
