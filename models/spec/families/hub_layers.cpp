#include "models/spec/families/hub_layers.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace trireme::spec {

using base::Json;
using base::str;

std::vector<bool> read_layer_types(HubReader& reader, const std::vector<bool>& usual) {
  constexpr const char* kField = "layer_types";
  if (reader.missing(kField)) return usual;
  const std::vector<std::string> types = reader.words(kField);
  if (types.size() != usual.size()) reader.refuse(kField, str("a list of ", usual.size(), " layers is expected"));
  std::vector<bool> sliding;
  for (const std::string& type : types) {
    if (type != "sliding_attention" && type != "full_attention") {
      reader.refuse(kField, "only sliding_attention and full_attention are supported");
    }
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

void set_windows(HubReader& reader, const char* field, const std::vector<bool>& sliding, std::int64_t width,
                 ModelConfig& config) {
  std::vector<std::int64_t> windows;
  for (const bool slides : sliding) {
    if (slides && width == 0) reader.refuse(str("layers slide, and ", field, " says no width"));
    windows.push_back(slides ? width : 0);
  }
  config.window = shortest(windows);
}

std::int64_t widest_window(const ModelConfig& config) { return std::ranges::max(config.window); }

Json layer_types(const ModelConfig& config) {
  Json types = Json::array();
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    types.push_back(at_layer(config.window, layer) != 0 ? "sliding_attention" : "full_attention");
  }
  return types;
}

}  // namespace trireme::spec
