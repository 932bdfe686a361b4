// model.safetensors.index.json: which file of a model holds which tensor.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace trireme::safetensors {

inline constexpr const char* kIndexName = "model.safetensors.index.json";
inline constexpr std::uint64_t kMaxIndexBytes = std::uint64_t{16} << 20;

struct Index {
  std::map<std::string, std::string> shard_of;  ///< by the tensor's name: a file beside the index
  std::uint64_t total_size = 0;                 ///< bytes of all tensors; 0 when it is not said
};

/// Parses text that may be anything. Throws base::InputError naming `file` for text that is no such object, a tensor
/// given twice, no tensor at all, and for a shard's name that could lead out of the directory or is not of a
/// safetensors file: with '/', '\\' or a control character, or "..".
Index parse_index(std::string_view text, const std::string& file);

/// The text as transformers writes it: sorted, indented by 2.
std::string index_text(const Index& index);

/// Whether `name` is a safetensors file of the directory itself: "model-00001-of-00002.safetensors".
bool is_shard_name(std::string_view name);

}  // namespace trireme::safetensors
