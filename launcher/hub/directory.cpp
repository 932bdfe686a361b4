#include "launcher/hub/directory.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/own_file.hpp"
#include "base/printable.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/safetensors/file.hpp"
#include "io/safetensors/index.hpp"
#include "io/text/utf8.hpp"
#include "launcher/hub/elements.hpp"
#include "models/spec/families/hub_config.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

constexpr const char* kConfig = "config.json";
constexpr const char* kOneFile = "model.safetensors";
constexpr std::uint64_t kMaxConfig = std::uint64_t{1} << 20;

/// "org/model" for a snapshot in a hub cache (models--org--model/snapshots/<revision>), else the directory's name.
std::string name_of_directory(const Path& path) {
  Path whole = std::filesystem::absolute(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string cache = whole.parent_path().parent_path().filename().string();
  constexpr std::string_view kPrefix = "models--";
  if (whole.parent_path().filename() != "snapshots" || !cache.starts_with(kPrefix)) return whole.filename().string();
  std::string name = cache.substr(kPrefix.size());
  if (const std::size_t at = name.find("--"); at != std::string::npos) name.replace(at, 2, "/");
  return name;
}

std::string read_text(base::FileSystem& files, const Path& path, std::uint64_t limit) {
  std::string content = base::read_limited(*files.open(path, base::OpenMode::kRead), path, limit);
  if (text::find_malformed_utf8(content) == content.size()) return content;
  throw InputError(str(path.string(), " is no UTF-8 text: it is damaged, fetch it again"));
}

base::Json parse_config(const std::string& text, const std::string& name) {
  constexpr int kMaxNesting = 32;
  try {
    return base::Json::parse(text, [](int depth, base::Json::parse_event_t, base::Json&) {
      if (depth > kMaxNesting) throw base::Error("it is nested too deeply");
      return true;
    });
  } catch (const std::exception&) {
    throw InputError(str(name, " is no JSON: it is damaged, fetch it again"));
  }
}

/// What to say where there is no file of weights.
[[noreturn]] void refuse_without_weights(base::FileSystem& files, const Path& path) {
  for (const std::string name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!files.exists(path / name)) continue;
    throw InputError(str(path.string(), " holds ", name, ", which is not read: write it as safetensors first, with ",
                         "transformers' save_pretrained()"));
  }
  throw InputError(str(path.string(), " has a config.json, but neither ", kOneFile, " nor ", safetensors::kIndexName));
}

/// What stands in the directory of another kind of model, whose numbers are not those of the weights alone.
void refuse_other_kinds(base::FileSystem& files, const Path& path, const HubRecord& record) {
  constexpr const char* kAdapter = "adapter_config.json";
  if (files.exists(path / kAdapter)) {
    throw InputError(str((path / kAdapter).string(), ": adapters are not read: merge it into its model first, with ",
                         "peft's merge_and_unload()"));
  }
  constexpr const char* kModules = "modules.json";
  const auto text = record.text(kModules);
  if (!text) return;
  const std::string name = (path / kModules).string();
  const base::Json modules = parse_config(*text, name);
  for (const base::Json& module : modules) {
    std::string type = module.is_object() ? module.value("type", base::Json()).dump() : module.dump();
    std::erase(type, '"');
    const std::string kind = type.substr(type.rfind('.') + 1);  // sentence_transformers.models.Pooling
    if (kind == "Transformer" || kind == "Pooling" || kind == "Normalize") continue;
    throw InputError(str(name, ": the module ", base::printable(type), " is not supported: only Transformer, Pooling ",
                         "and Normalize are, since the others have weights of their own"));
  }
}

/// The index says of each tensor of a shard that it lies there. Adds their names to `found`.
void check_index(const Path& shard, const safetensors::Header& header,
                 const std::map<std::string, std::string>& shard_of, std::set<std::string>& found) {
  for (const auto& tensor : header.tensors) {
    const auto said = shard_of.find(tensor.name);
    if (said == shard_of.end()) {
      throw InputError(str(shard.string(), " holds ", tensor.name, ", which ", safetensors::kIndexName,
                           " does not name: the files are not of one model"));
    }
    if (said->second != shard.filename().string()) {
      throw InputError(str(shard.string(), " holds ", tensor.name, ", and ", safetensors::kIndexName,
                           " says that it lies in ", said->second, ": the files are not of one model"));
    }
    found.insert(tensor.name);
  }
}

}  // namespace

bool HubDirectory::is_one(base::FileSystem& files, const Path& path) {
  return files.is_directory(path) && files.exists(path / kConfig) && !files.exists(path / checkpoint::kManifestName);
}

HubDirectory HubDirectory::open(base::FileSystem& files, const Path& path, std::uint64_t max_headers) {
  if (!files.is_directory(path)) throw InputError(str("there is no directory ", path.string()));
  if (!files.exists(path / kConfig)) {
    throw InputError(str(path.string(), " has no config.json: it is no model in Hugging Face's format"));
  }
  HubDirectory directory;
  directory.path_ = path;
  directory.record_.name = name_of_directory(path);
  directory.read_texts(files);
  refuse_other_kinds(files, path, directory.record_);
  directory.read_headers(files, max_headers);
  directory.find_left_out(files);
  directory.understand();
  directory.keep_untrained(files);
  return directory;
}

HubDirectory HubDirectory::from_record(const Path& path, HubRecord record) {
  HubDirectory directory;
  directory.path_ = path;
  directory.record_ = std::move(record);
  directory.understand();
  return directory;
}

void HubDirectory::read_texts(base::FileSystem& files) {
  for (const std::string& name : hub_text_names()) {
    if (!files.exists(path_ / name)) continue;
    record_.texts[name] = read_text(files, path_ / name, name == kConfig ? kMaxConfig : kMaxHubText);
  }
}

void HubDirectory::find_left_out(base::FileSystem& files) {
  std::set<std::string> known;
  for (const auto& [name, text] : record_.texts) known.insert(name);
  for (const HubShard& shard : record_.shards) known.insert(shard.name);
  const auto visit = [&](const std::string& folder, const std::string& entry) {
    const std::string name = folder + entry;
    if (!known.contains(name) && !entry.starts_with(".")) left_out_.push_back(name);
  };
  for (const std::string& name : files.list(path_)) {
    if (known.contains(name) || name.starts_with(".") || !files.is_directory(path_ / name)) {
      visit("", name);
      continue;
    }
    const std::string folder = name + "/";
    const std::vector<std::string> inner = files.list(path_ / name);
    if (std::ranges::any_of(inner, [&](const std::string& each) { return known.contains(folder + each); })) {
      for (const std::string& each : inner) visit(folder, each);
    } else if (!inner.empty()) {
      left_out_.push_back(folder);
    }
  }
}

void HubDirectory::read_headers(base::FileSystem& files, std::uint64_t max_headers) {
  std::map<std::string, std::string> shard_of;
  std::set<std::string> names;
  if (files.exists(path_ / kOneFile)) {
    // transformers takes this one first, too.
    record_.texts.erase(safetensors::kIndexName);
    names.insert(kOneFile);
  } else if (const auto index = record_.text(safetensors::kIndexName)) {
    shard_of = safetensors::parse_index(*index, (path_ / safetensors::kIndexName).string()).shard_of;
    for (const auto& [tensor, shard] : shard_of) names.insert(shard);
  } else {
    refuse_without_weights(files, path_);
  }
  std::uint64_t total = 0;
  std::set<std::string> found;
  for (const std::string& name : names) {
    safetensors::OpenedFile opened = safetensors::open_file(files, path_ / name);
    total += opened.text.size();
    if (total > max_headers) {
      throw InputError(str((path_ / name).string(), ": the headers of the model's files have more than ", max_headers,
                           " bytes together: save the model in fewer shards"));
    }
    if (!shard_of.empty()) check_index(path_ / name, opened.header, shard_of, found);
    record_.shards.push_back({name, std::move(opened.text), std::move(opened.header)});
  }
  for (const auto& [name, shard] : shard_of) {
    if (found.contains(name)) continue;
    throw InputError(str((path_ / shard).string(), " lacks ", name, ", which ", safetensors::kIndexName,
                         " says lies there: the files are not of one model"));
  }
}

void HubDirectory::understand() {
  const std::string config_name = (path_ / kConfig).string();
  const auto config = record_.text(kConfig);
  if (!config) throw InputError(str(config_name, " is missing"));
  model_ = spec::read_hub_config(parse_config(*config, config_name), config_name);
  std::vector<spec::FileTensor> names;
  for (std::size_t s = 0; s < record_.shards.size(); ++s) {
    const HubShard& shard = record_.shards[s];
    for (const auto& tensor : shard.header.tensors) {
      names.push_back({tensor.name, tensor.shape});
      tensors_.push_back({{}, s, tensor, safetensors::kLengthBytes + shard.header_text.size() + tensor.begin});
    }
  }
  spec::fit_to_files(model_, names);
  std::vector<spec::HubTensor> meanings = spec::hub_tensors(model_, names, path_.string());
  std::unordered_map<std::string, std::int64_t> rows;
  for (const auto& logical : spec::logical_tensors(spec::make_plan(model_))) {
    rows[logical.name] = logical.shape.empty() ? 1 : logical.shape[0];
  }
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    HubFileTensor& tensor = tensors_[i];
    tensor.meaning = std::move(meanings.at(i));
    if (tensor.meaning.parts.empty()) continue;
    if (!holds_weights(tensor.place.type)) {
      throw InputError(str(path_.string(), ": tensor ", tensor.place.name, " is of type ", name_of(tensor.place.type),
                           "; weights are read in F64, F32, F16 and BF16"));
    }
    std::int64_t row = 0;
    for (const std::string& part : tensor.meaning.parts) {
      if (tensor.meaning.role == spec::HubRole::kCopy) {
        copies_.emplace_back(part, HubPlace{i, row});
      } else {
        places_[part] = {i, row};
      }
      row += rows.at(part);
    }
  }
}

void HubDirectory::keep_untrained(base::FileSystem& files) {
  std::uint64_t total = 0;
  for (const HubFileTensor& tensor : tensors_) {
    if (!tensor.meaning.parts.empty()) continue;
    const Path path = path_ / record_.shards[tensor.shard].name;
    total += tensor.place.bytes();
    if (total > kMaxKept) {
      throw InputError(str(path.string(), ": tensors that are no part of the model, such as ", tensor.place.name,
                           ", take more than ", kMaxKept, " bytes: save the model without them first"));
    }
    std::string bytes(tensor.place.bytes(), '\0');
    if (files.open(path, base::OpenMode::kRead)->pread(bytes.data(), bytes.size(), tensor.offset) != bytes.size()) {
      throw InputError(str(path.string(), " became shorter while it was read"));
    }
    record_.kept[tensor.place.name] = pack(bytes);
  }
}

checkpoint::DataType HubDirectory::stored_type(const std::string& logical) const {
  return stored_type_of(tensors_[places_.at(logical).tensor].place.type);
}

}  // namespace trireme::launcher
