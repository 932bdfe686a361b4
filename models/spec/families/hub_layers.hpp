// Lists over the layers, and the layers with a window in a config.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/spec/families/hub_fields.hpp"

namespace trireme::spec {

/// Element i of a list that repeats over the layers.
template <typename Value>
Value at_layer(const PerLayer<Value>& values, std::int64_t layer) {
  return values[static_cast<std::size_t>(layer) % values.size()];
}

/// The shortest list that is `values` when it is repeated: 5, 0, 5, 0, 5 -> 5, 0. `values` is not empty. Takes time in
/// proportion to the length (Knuth, Morris and Pratt, 1977).
template <typename Value>
std::vector<Value> shortest(const std::vector<Value>& values) {
  std::vector<std::size_t> border(values.size(), 0);  // of each prefix, its longest end that is also its start
  for (std::size_t i = 1; i < values.size(); ++i) {
    std::size_t length = border[i - 1];
    while (length > 0 && values[i] != values[length]) length = border[length - 1];
    border[i] = values[i] == values[length] ? length + 1 : 0;
  }
  const std::size_t period = values.size() - border.back();
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(period)};
}

/// `values` of each layer, at its shortest.
template <typename Value>
PerLayer<Value> shortest_over(const PerLayer<Value>& values, std::int64_t layers) {
  std::vector<Value> all;
  for (std::int64_t layer = 0; layer < layers; ++layer) all.push_back(at_layer(values, layer));
  return shortest(all);
}

/// Which layers are of type sliding_attention, from `layer_types`, or `usual` of each layer where that is absent or
/// null. Types other than sliding_attention and full_attention are refused, and another number of layers.
template <typename Usual>
std::vector<bool> read_layer_types(HubReader& reader, std::int64_t layers, const Usual& usual);

/// The same, from a list of each layer's.
std::vector<bool> read_layer_types(HubReader& reader, const std::vector<bool>& usual);

/// `width` in the layers that slide. `field` is refused where layers slide and `width` is 0.
void set_windows(HubReader& reader, const char* field, const std::vector<bool>& sliding, std::int64_t width,
                 ModelConfig& config);

/// The width of the windows, or 0.
std::int64_t widest_window(const ModelConfig& config);
/// layer_types of the layers.
base::Json layer_types(const ModelConfig& config);

template <typename Usual>
std::vector<bool> read_layer_types(HubReader& reader, std::int64_t layers, const Usual& usual) {
  std::vector<bool> sliding;
  for (std::int64_t layer = 0; layer < layers; ++layer) sliding.push_back(usual(layer));
  return read_layer_types(reader, sliding);
}

}  // namespace trireme::spec
