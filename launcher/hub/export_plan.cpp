#include "launcher/hub/export_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <unordered_map>

#include "base/error.hpp"
#include "io/safetensors/index.hpp"
#include "launcher/hub/directory.hpp"
#include "launcher/hub/export_config.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::launcher {
namespace {

using safetensors::ElementType;
using Shapes = std::unordered_map<std::string, topology::Shape>;

Shapes shapes_of(const spec::ModelConfig& model) {
  Shapes shapes;
  for (const auto& tensor : spec::logical_tensors(spec::make_plan(model))) shapes[tensor.name] = tensor.shape;
  return shapes;
}

/// The shape in the file of what stacks these logical tensors.
topology::Shape shape_in_file(const spec::HubTensor& tensor, const Shapes& shapes) {
  topology::Shape shape = shapes.at(tensor.parts.front());
  for (std::size_t i = 1; i < tensor.parts.size(); ++i) shape[0] += shapes.at(tensor.parts[i])[0];
  if (tensor.transposed && shape.size() == 2) std::swap(shape[0], shape[1]);
  return shape;
}

/// Whether the record's parameters are the model's logical tensors, so that its names do for the model.
bool has_tensors_of(const HubDirectory& recorded, const Shapes& shapes) {
  return recorded.places().size() == shapes.size() &&
         std::ranges::all_of(recorded.places(), [&](const auto& place) { return shapes.contains(place.first); });
}

/// Adds one shard with these tensors, which get their places. `unchanged`: the header that fits if nothing changed.
void add_shard(ExportPlan& plan, const std::string& name, std::vector<ExportTensor> tensors,
               const safetensors::Metadata& metadata, const HubShard* recorded) {
  safetensors::Header header;
  header.metadata = metadata;
  for (const ExportTensor& tensor : tensors) header.tensors.push_back(tensor.place);
  safetensors::place(header.tensors);
  ExportShard shard{name, safetensors::header_bytes(header), header.data_bytes()};
  if (recorded != nullptr && recorded->header == header) {
    // The length of the text comes first, as in any file.
    shard.head.assign(safetensors::kLengthBytes, '\0');
    std::uint64_t length = recorded->header_text.size();
    for (char& byte : shard.head) {
      byte = static_cast<char>(length & 255);
      length >>= 8;
    }
    shard.head += recorded->header_text;
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].shard = plan.shards.size();
    tensors[i].place = header.tensors[i];
    tensors[i].offset = shard.head.size() + header.tensors[i].begin;
    plan.tensors.push_back(std::move(tensors[i]));
  }
  plan.shards.push_back(std::move(shard));
}

std::string index_of(const ExportPlan& plan) {
  safetensors::Index index;
  for (const ExportTensor& tensor : plan.tensors) {
    index.shard_of[tensor.place.name] = plan.shards[tensor.shard].name;
    index.total_size += tensor.place.bytes();
  }
  return safetensors::index_text(index);
}

ExportPlan plan_as_recorded(const HubDirectory& recorded, const Shapes& shapes, std::optional<ElementType> type) {
  ExportPlan plan;
  plan.as_recorded = true;
  bool same = true;
  std::size_t next = 0;
  for (const HubShard& shard : recorded.record().shards) {
    std::vector<ExportTensor> tensors;
    for (std::size_t i = 0; i < shard.header.tensors.size(); ++i, ++next) {
      const HubFileTensor& old = recorded.tensors()[next];
      ExportTensor tensor{old.meaning, 0, old.place};
      if (!old.meaning.parts.empty()) {
        const topology::Shape shape = shape_in_file(old.meaning, shapes);
        if (topology::elements_of(shape) != topology::elements_of(old.place.shape)) tensor.place.shape = shape;
        if (type) tensor.place.type = *type;
      }
      same = same && tensor.place == old.place;
      tensors.push_back(std::move(tensor));
    }
    add_shard(plan, shard.name, std::move(tensors), shard.header.metadata, &shard);
  }
  if (const auto index = recorded.record().text(safetensors::kIndexName)) plan.index = same ? *index : index_of(plan);
  return plan;
}

std::string shard_name(std::size_t number, std::size_t count) {
  if (count == 1) return "model.safetensors";
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", number + 1, count);
  return name;
}

ExportPlan plan_anew(const spec::ModelConfig& model, const Shapes& shapes, ElementType type,
                     std::uint64_t shard_bytes) {
  std::vector<std::vector<ExportTensor>> groups(1);
  std::uint64_t bytes = 0;
  for (spec::HubTensor& meaning : spec::new_hub_tensors(model)) {
    ExportTensor tensor{std::move(meaning), 0, {}};
    tensor.place.name = tensor.meaning.name;
    tensor.place.type = type;
    tensor.place.shape = shape_in_file(tensor.meaning, shapes);
    const auto size = static_cast<std::uint64_t>(topology::elements_of(tensor.place.shape)) *
                      static_cast<std::uint64_t>(safetensors::bits_of(type) / 8);
    if (bytes + size > shard_bytes && !groups.back().empty()) {
      groups.emplace_back();
      bytes = 0;
    }
    bytes += size;
    groups.back().push_back(std::move(tensor));
  }
  ExportPlan plan;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::ranges::sort(groups[i], {}, [](const ExportTensor& tensor) { return tensor.place.name; });
    add_shard(plan, shard_name(i, groups.size()), std::move(groups[i]), {{"format", "pt"}}, nullptr);
  }
  if (groups.size() > 1) plan.index = index_of(plan);
  return plan;
}

/// The type of all weights of the record; nothing when there are several.
std::optional<ElementType> only_type(const HubDirectory& recorded) {
  std::optional<ElementType> type;
  for (const HubFileTensor& tensor : recorded.tensors()) {
    if (tensor.meaning.parts.empty()) continue;
    if (type && *type != tensor.place.type) return std::nullopt;
    type = tensor.place.type;
  }
  return type;
}

}  // namespace

ExportPlan plan_export(const spec::ModelConfig& model, const std::optional<HubRecord>& record,
                       std::optional<ElementType> type, std::uint64_t shard_bytes) {
  const Shapes shapes = shapes_of(model);
  if (record) {
    const HubDirectory recorded = HubDirectory::from_record("HUB.json", *record);
    if (has_tensors_of(recorded, shapes)) {
      ExportPlan plan = plan_as_recorded(recorded, shapes, type);
      plan.config = exported_config(model, recorded, type);
      return plan;
    }
    if (!type) type = only_type(recorded);
  }
  ExportPlan plan = plan_anew(model, shapes, type.value_or(ElementType::kF32), shard_bytes);
  plan.config = new_config(model, type.value_or(ElementType::kF32));
  return plan;
}

}  // namespace trireme::launcher
