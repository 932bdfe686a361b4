#include "launcher/session/model_source.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/hub/directory.hpp"
#include "launcher/hub/import.hpp"
#include "launcher/hub/record.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/model.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

constexpr const char* kRunFileName = "run.ini";
constexpr const char* kTokenizerName = "tokenizer.json";
constexpr const char* kAdvice = "give a run file, a run directory, a checkpoint or a Hugging Face directory";

// Keys that say nothing about what the model computes.
bool is_about_training(const options::Key& key) {
  return key.name == "preset" || key.name == "init_from" || key.name == "dropout" || key.name == "init_std";
}

// The weights' own section replaces what the options say; a key on the command line may only repeat it.
void take_model(options::RunOptions& options, const options::ModelSection& stored, const options::Overrides& overrides,
                const Path& weights) {
  options::RunOptions own;
  own.model = stored;
  options::complete_model(own.model, {});  // version 0.1 stored fewer properties
  for (const auto& [path, value] : overrides) {
    const options::Key key = options::find_key(path);
    if (key.section != "model" || is_about_training(key)) continue;
    const std::string given = options::value_of(options, key).value_or("(none)");
    const std::string trained = options::value_of(own, key).value_or("(none)");
    if (given == trained) continue;
    throw InputError(str("--", path, "=", value, ": the model of ", weights.string(), " has ", trained,
                         ", which cannot be changed: leave it out"));
  }
  options.model = own.model;
  options.model.dropout = 0.0;
}

// The options that a run directory or a step directory holds.
options::RunOptions stored_options(const std::string& text, const Path& origin, const options::Overrides& overrides) {
  options::RunOptions options = options::parse_run_options(text, origin.string(), overrides);
  if (!options.program.given()) return options;
  throw InputError(str(origin.string(), " is of a run of somebody's own program, whose model only that program knows"));
}

// A run that started from a public model may have changed its tokenizer since. Then ids and spellings of tokens, and
// the template that writes them, say nothing about the model any more.
void drop_tokenizer(std::map<std::string, std::string>& texts) {
  for (const char* name :
       {kTokenizerName, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "merges.txt", "vocab.txt", "chat_template.jinja", "chat_template.json", "generation_config.json"}) {
    texts.erase(name);
  }
  const auto config = texts.find("config.json");
  if (config == texts.end()) return;
  base::Json values = base::Json::parse(config->second, nullptr, false);
  if (!values.is_object()) return;
  for (const char* name : {"bos_token_id", "eos_token_id", "pad_token_id"}) values.erase(name);
  config->second = values.dump();
}

void take_record(ModelSource& source, std::map<std::string, std::string> texts) {
  source.texts = std::move(texts);
  const auto tokenizer = source.texts.find(kTokenizerName);
  if (tokenizer == source.texts.end()) return;
  const std::string hash = base::xxh3_hex(tokenizer->second);
  if (source.tokenizer_hash.empty()) source.tokenizer_hash = hash;
  if (source.tokenizer_hash == hash) {
    source.tokenizer_json = tokenizer->second;
  } else {
    drop_tokenizer(source.texts);
  }
}

// Sets all that the checkpoint says: weights, [model], tokenizer.
void take_checkpoint(base::FileSystem& files, ModelSource& source, const Path& step_directory,
                     const options::Overrides& overrides) {
  const checkpoint::Manifest manifest = checkpoint::open_manifest(files, step_directory);
  const options::RunOptions stored = options::parse_run_options(manifest.options, step_directory.string());
  source.weights = step_directory;
  take_model(source.options, options::stored_model(stored.model), overrides, step_directory);
  source.tokenizer_hash = manifest.extra.value("tokenizer_hash", "");
  const std::string record = checkpoint::read_hub_file(files, step_directory, manifest);
  if (!record.empty()) {
    take_record(source, parse_hub_record(record, (step_directory / checkpoint::kHubName).string()).texts);
  }
}

ModelSource from_step_directory(base::FileSystem& files, const Path& path, const options::Overrides& overrides) {
  ModelSource source;
  source.kind = ModelKind::kStepDirectory;
  const std::string stored = checkpoint::open_checkpoint(files, path).manifest.options;
  source.options = stored_options(stored, path, overrides);
  take_checkpoint(files, source, path, overrides);
  return source;
}

ModelSource from_run_directory(base::FileSystem& files, const Path& path, const options::Overrides& overrides) {
  ModelSource source;
  source.kind = ModelKind::kRunDirectory;
  std::string text;
  if (files.exists(path / kRunFileName)) {
    text = base::read_own(files, path / kRunFileName);
    source.options = stored_options(text, path / kRunFileName, overrides);
  }
  const Path step_directory = find_checkpoint(files, path, &source.notes);
  if (text.empty()) {
    const std::string stored = checkpoint::open_manifest(files, step_directory).options;
    source.options = stored_options(stored, step_directory, overrides);
  }
  source.options.run.dir = path.string();
  take_checkpoint(files, source, step_directory, overrides);
  return source;
}

ModelSource from_run_file(base::FileSystem& files, const std::string& path, const options::Overrides& overrides,
                          const std::string& checkpoint) {
  ModelSource source;
  source.options = options::load_run_file(path, overrides);
  if (source.options.program.given()) {
    throw InputError(str(path, " is of a run of somebody's own program, whose model only that program knows"));
  }
  const Path place = checkpoint.empty() ? source.options.run.dir : checkpoint;
  take_checkpoint(files, source, find_checkpoint(files, place, &source.notes), overrides);
  return source;
}

ModelSource from_hub_directory(base::FileSystem& files, const std::string& path, const options::Overrides& overrides) {
  ModelSource source;
  source.kind = ModelKind::kHubDirectory;
  const HubDirectory directory = HubDirectory::open(files, path);
  source.weights = path;
  source.options = options::parse_run_options("", path, overrides);
  take_model(source.options, model_section(directory), overrides, path);
  take_record(source, directory.record().texts);
  if (source.tokenizer_json.empty() && files.exists(source.weights / "vocab.json")) {
    source.tokenizer_json = text::Tokenizer::load(path).to_json();
    source.tokenizer_hash = base::xxh3_hex(source.tokenizer_json);
  }
  return source;
}

bool is_run_directory(base::FileSystem& files, const Path& path) {
  return files.exists(path / kRunFileName) || files.exists(path / "checkpoints") || files.is_link(path / "checkpoints");
}

[[noreturn]] void refuse_file(const Path& path) {
  throw InputError(str(path.string(), " is one file of a model: give the directory that holds it"));
}

[[noreturn]] void refuse_directory(base::FileSystem& files, const Path& path) {
  if (files.exists(path / checkpoint::kBoxesName)) {
    throw checkpoint::DamagedCheckpoint(path, checkpoint::kManifestName, "it is missing");
  }
  const auto entries = files.list(path);
  if (std::ranges::any_of(entries, [](const std::string& name) { return name.starts_with("step_"); })) {
    throw InputError(str(path.string(), " holds checkpoints: give one of them, or the run directory above"));
  }
  throw InputError(str(path.string(), " holds no run.ini, no MANIFEST.json and no config.json: ", kAdvice));
}

bool is_part_of_a_model(const Path& path) {
  const std::string name = path.filename().string();
  return name == checkpoint::kManifestName || name == checkpoint::kBoxesName || path.extension() == ".json" ||
         path.extension() == ".safetensors" || path.extension() == ".h5";
}

}  // namespace

ModelSource find_model(base::FileSystem& files, const std::string& path, const options::Overrides& overrides,
                       const std::string& checkpoint) {
  if (path.empty() || !files.exists(path))
    throw InputError(str("there is no ", path.empty() ? "''" : path, ": ", kAdvice));
  ModelSource source;
  if (!files.is_directory(path)) {
    if (is_part_of_a_model(path)) refuse_file(path);
    source = from_run_file(files, path, overrides, checkpoint);
  } else {
    if (!checkpoint.empty()) {
      throw InputError(
          str("--checkpoint goes with a run file, and ", path, " is a directory: give ", checkpoint, " in its place"));
    }
    if (files.exists(Path(path) / checkpoint::kManifestName)) {
      source = from_step_directory(files, path, overrides);
    } else if (is_run_directory(files, path)) {
      source = from_run_directory(files, path, overrides);
    } else if (HubDirectory::is_one(files, path)) {
      source = from_hub_directory(files, path, overrides);
    } else {
      refuse_directory(files, path);
    }
  }
  return source;
}

std::filesystem::path find_checkpoint(base::FileSystem& files, const Path& path, std::vector<std::string>* notes) {
  if (files.exists(path / checkpoint::kManifestName)) return path;
  const auto steps = checkpoint::committed_steps(files, path);
  if (steps.empty()) {
    throw InputError(str(path.string(), " is neither a checkpoint nor a run directory that holds one"));
  }
  std::optional<checkpoint::DamagedCheckpoint> newest;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    Path directory = checkpoint::step_directory(path, *step);
    try {
      checkpoint::open_checkpoint(files, directory);
      return directory;
    } catch (const checkpoint::DamagedCheckpoint& error) {
      if (notes != nullptr) notes->push_back(str(error.what(), "; looking for an older one"));
      if (!newest) newest = error;
    }
  }
  throw *newest;
}

}  // namespace trireme::launcher
