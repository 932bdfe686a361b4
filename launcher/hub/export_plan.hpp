// What an export writes: a pure function of the record, the model and the options.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/safetensors/header.hpp"
#include "launcher/hub/record.hpp"
#include "models/spec/config.hpp"
#include "models/spec/families/hub_tensors.hpp"

namespace trireme::launcher {

/// A file of weights to write.
struct ExportShard {
  std::string name;
  std::string head;  ///< everything before the tensors' bytes
  std::uint64_t data_bytes = 0;
};

/// A tensor to write.
struct ExportTensor {
  spec::HubTensor meaning;
  std::size_t shard = 0;
  safetensors::Tensor place;
  std::uint64_t offset = 0;  ///< of its first byte in the shard's file
};

struct ExportPlan {
  std::vector<ExportShard> shards;
  std::vector<ExportTensor> tensors;  ///< in the order of shards and places
  std::string config;                 ///< config.json
  std::optional<std::string> index;   ///< model.safetensors.index.json; nothing for a single file without one
  bool as_recorded = false;           ///< names, order and shards are those of the record
};

/// Files of a model without a record hold at most this many bytes of tensors, and at least one tensor.
inline constexpr std::uint64_t kExportShardBytes = 5'000'000'000;

/// Plans the files of `model`, the checkpoint's. With a record whose tensors are the model's: names, order, shards,
/// types and metadata as recorded, in shapes that fit a vocabulary that has grown; headers, index and config are then
/// the same bytes unless something in them must change. Otherwise: what transformers' save_pretrained writes for the
/// model's class, in the one type of the record's weights or in fp32, split at `shard_bytes`. `type` replaces the
/// element type of every tensor that holds weights. Throws base::InputError for a model that no public class describes.
ExportPlan plan_export(const spec::ModelConfig& model, const std::optional<HubRecord>& record,
                       std::optional<safetensors::ElementType> type, std::uint64_t shard_bytes = kExportShardBytes);

}  // namespace trireme::launcher
