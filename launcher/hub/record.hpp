// What a directory of the Hugging Face kind holds besides numbers: HUB.json of a checkpoint
// (docs/checkpoint_format.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/safetensors/header.hpp"

namespace trireme::launcher {

/// A file of weights.
struct HubShard {
  std::string name;  ///< "model.safetensors"
  /// The header's text as it stands in the file, padding included: it holds the names, types, shapes, order and
  /// metadata of the tensors, so a file is written again bit for bit.
  std::string header_text;
  safetensors::Header header;  ///< what the text says
};

/// The bytes of a tensor that no model trains (a causal mask, frequencies, a head of another task).
struct KeptTensor {
  std::uint64_t bytes = 0;  ///< before compression
  std::string packed;       ///< zstd
  bool operator==(const KeptTensor&) const = default;
};

struct HubRecord {
  std::string name;                          ///< of the model, for people: the directory's name or the config's
  std::map<std::string, std::string> texts;  ///< file name -> content, UTF-8; the names are those of hub_text_names()
  std::vector<HubShard> shards;              ///< in the order of their names
  std::map<std::string, KeptTensor> kept;    ///< by the tensor's name in the files

  /// The text of a file; nothing when the directory did not have it.
  std::optional<std::string> text(const std::string& file) const;
};

/// The names of the texts that are carried along, in the order in which they are read: config.json, tokenizer.json, ….
const std::vector<std::string>& hub_text_names();

/// The most bytes that one text, and HUB.json, may have.
inline constexpr std::uint64_t kMaxHubText = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kMaxHubJson = std::uint64_t{256} << 20;

/// HUB.json. Throws base::InputError when it would be longer than kMaxHubJson.
std::string to_text(const HubRecord& record);

/// Parses text that may be anything. Throws base::InputError naming `file` for what to_text() never writes: names that
/// could lead out of a directory, headers that are none, a tensor in two shards, members that are missing.
HubRecord parse_hub_record(const std::string& text, const std::string& file);

/// The most bytes that all kept tensors together may have before they are packed.
inline constexpr std::uint64_t kMaxKept = std::uint64_t{256} << 20;

/// The bytes of a kept tensor. Throws base::InputError when they are not kept.bytes many.
std::string unpack(const KeptTensor& kept, const std::string& name);
KeptTensor pack(const std::string& bytes);

}  // namespace trireme::launcher
