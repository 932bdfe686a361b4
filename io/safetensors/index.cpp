#include "io/safetensors/index.hpp"

#include <algorithm>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"

namespace trireme::safetensors {
namespace {

using base::InputError;
using base::Json;
using base::str;

constexpr int kMaxNesting = 8;

/// A tree of the text; members given twice and deep nesting are refused while it is read.
Json parse_strictly(std::string_view text, const std::string& file) {
  std::vector<std::set<std::string>> names;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxNesting) throw InputError(str(file, " is nested too deeply: it is no index of safetensors files"));
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(value.get<std::string>()).second) {
      throw InputError(str(file, " has ", value.get<std::string>(), " twice"));
    }
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::exception&) {
    throw InputError(str(file, " is no JSON: it is damaged, fetch it again"));
  }
}

}  // namespace

bool is_shard_name(std::string_view name) {
  constexpr std::string_view kEnding = ".safetensors";
  const bool plain =
      std::ranges::all_of(name, [](unsigned char c) { return c >= 0x20 && c != 0x7f && c != '/' && c != '\\'; });
  return plain && name.size() > kEnding.size() && name.size() <= 255 && name.ends_with(kEnding) &&
         !name.starts_with(".");
}

Index parse_index(std::string_view text, const std::string& file) {
  if (text.size() > kMaxIndexBytes) throw InputError(str(file, " is longer than an index may be"));
  const Json json = parse_strictly(text, file);
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object() || map->empty()) {
    throw InputError(str(file, " has no weight_map: it is no index of safetensors files"));
  }
  Index index;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) throw InputError(str(file, ": the file of tensor ", name, " is no text"));
    const auto& text_of_shard = shard.get_ref<const std::string&>();
    if (!is_shard_name(text_of_shard)) {
      throw InputError(str(file, ": tensor ", name, " is said to lie in '", text_of_shard,
                           "', which is no safetensors file of this directory"));
    }
    index.shard_of.emplace(name, text_of_shard);
  }
  const auto metadata = json.find("metadata");
  if (metadata != json.end() && metadata->is_object() && metadata->contains("total_size")) {
    const Json& size = metadata->at("total_size");
    // transformers once wrote it as a fraction (1234.0).
    if (size.is_number_unsigned()) index.total_size = size.get<std::uint64_t>();
  }
  return index;
}

std::string index_text(const Index& index) {
  Json map = Json::object();
  for (const auto& [name, shard] : index.shard_of) map[name] = shard;
  const Json json = {{"metadata", {{"total_size", index.total_size}}}, {"weight_map", std::move(map)}};
  return json.dump(2) + "\n";
}

}  // namespace trireme::safetensors
