#include "models/spec/families/hub_tensors.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::spec {

using base::InputError;
using base::str;

namespace {

/// `name` with its last ending of today.
std::string with_todays_ending(std::string name, const HubNames& names) {
  for (const auto& [former, today] : names.former_endings) {
    if (!name.ends_with(former)) continue;
    name.replace(name.size() - former.size(), former.size(), today);
    break;
  }
  return name;
}

std::string text_of(const topology::Shape& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += str(text.size() > 1 ? ", " : "", size);
  return text + ']';
}

/// What each tensor of a model's files is, by its name with the prefix and today's endings.
class Names {
 public:
  explicit Names(const ModelConfig& config) : plan_(make_plan(config)), names_(family(plan_.family).hub_names()) {
    for (const LogicalTensor& tensor : logical_tensors(plan_)) shapes_.emplace(tensor.name, tensor.shape);
    for (const std::string& pattern : names_.buffers) add_patterns(pattern, HubRole::kBuffer);
    for (const std::string& pattern : names_.unused) add_patterns(pattern, HubRole::kUnused);
    for (const PublicTensor& copy : names_.copies) {
      if (shapes_.contains(copy.parts.front())) tensors_[copy.name] = {copy.name, HubRole::kCopy, copy.parts, false};
    }
    for (const PublicTensor& tensor : public_tensors(plan_)) {
      tensors_[tensor.name] = {tensor.name, HubRole::kParameter, tensor.parts, tensor.transposed};
    }
  }

  /// The tensor that a file calls `name`, by today's full name.
  const HubTensor* find(const std::string& name) const {
    const std::string today = with_todays_ending(name, names_);
    for (const std::string& candidate : {today, names_.prefix + today}) {
      const auto found = tensors_.find(candidate);
      if (found != tensors_.end()) return &found->second;
    }
    return nullptr;
  }

  /// The shape of a file's tensor; nothing for one that is not read.
  std::optional<topology::Shape> shape_of(const HubTensor& tensor) const {
    if (tensor.parts.empty()) return std::nullopt;
    topology::Shape shape = shapes_.at(tensor.parts.front());
    for (std::size_t i = 1; i < tensor.parts.size(); ++i) shape.front() += shapes_.at(tensor.parts[i]).front();
    if (tensor.transposed) std::reverse(shape.begin(), shape.end());
    return shape;
  }

  /// The name of a file's tensor that holds the logical one.
  std::string public_name(const std::string& logical) const {
    for (const auto& [name, tensor] : tensors_) {
      if (tensor.role == HubRole::kParameter && std::ranges::count(tensor.parts, logical) > 0) return name;
    }
    return "";
  }

  const std::string& family_name() const { return plan_.family; }
  const std::unordered_map<std::string, topology::Shape>& logical() const { return shapes_; }

 private:
  void add_patterns(const std::string& pattern, HubRole role) {
    const std::size_t hole = pattern.find("{}");
    const std::int64_t count = hole == std::string::npos ? 1 : plan_.layer_count();
    for (std::int64_t layer = 0; layer < count; ++layer) {
      std::string name = pattern;
      if (hole != std::string::npos) name.replace(hole, 2, std::to_string(layer));
      tensors_[name] = {name, role, {}, false};
    }
  }

  ModelPlan plan_;
  HubNames names_;
  std::unordered_map<std::string, topology::Shape> shapes_;  // of the logical tensors
  std::unordered_map<std::string, HubTensor> tensors_;
};

void check_shape(const Names& names, const HubTensor& tensor, const FileTensor& file, const std::string& directory) {
  const auto shape = names.shape_of(tensor);
  if (!shape || *shape == file.shape) return;
  throw InputError(str(directory, ": the tensor ", base::printable(file.name), " is of shape ", text_of(file.shape),
                       ", and config.json says ", text_of(*shape)));
}

/// The first logical tensor that no file holds is named, with how many more there are.
void check_complete(const Names& names, const ModelPlan& plan, const std::set<std::string>& held,
                    const std::string& directory) {
  std::string first;
  std::size_t more = 0;
  for (const LogicalTensor& tensor : logical_tensors(plan)) {
    if (held.contains(tensor.name)) continue;
    if (first.empty()) {
      first = tensor.name;
    } else {
      ++more;
    }
  }
  if (first.empty()) return;
  const std::string theirs = names.public_name(first);
  throw InputError(str(directory, ": the tensor ", theirs.empty() ? first : theirs,
                       more > 0 ? str(" (and ", more, " more)") : "",
                       " is missing: is a file of the model missing, or does config.json describe another?"));
}

}  // namespace

void fit_to_files(ModelConfig& config, const std::vector<FileTensor>& files) {
  const HubNames names = family(config.arch).hub_names();
  const bool own_head = family(config.arch).hub_classes().front().own_head;
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(
        files, [&](const FileTensor& file) { return file.name == name || names.prefix + file.name == name; });
  };
  if (own_head) {
    config.pooler = has(names.prefix + "pooler.dense.weight");
    config.lm_head = config.lm_head || has("cls.predictions.transform.dense.weight");
  } else {
    config.lm_head = config.lm_head || has("lm_head.weight");
  }
}

std::vector<HubTensor> hub_tensors(const ModelConfig& config, const std::vector<FileTensor>& files,
                                   const std::string& name) {
  const Names names(config);
  std::vector<HubTensor> tensors;
  std::set<std::string> held;                  // logical tensors
  std::map<std::string, std::string> sources;  // today's name -> the file's
  for (const FileTensor& file : files) {
    const HubTensor* known = names.find(file.name);
    if (known == nullptr) {
      throw InputError(str(name, ": the tensor ", base::printable(file.name),
                           " is in no model like that of config.json (", names.family_name(),
                           "): what it does to the numbers is unknown"));
    }
    const auto [first, added] = sources.emplace(known->name, file.name);
    if (!added) {
      throw InputError(str(name, ": the tensors ", base::printable(first->second), " and ", base::printable(file.name),
                           " are the same one under two names"));
    }
    check_shape(names, *known, file, name);
    tensors.push_back(*known);
    tensors.back().name = file.name;
  }
  // What stands there once is no copy, whatever its name.
  for (const bool copies : {false, true}) {
    for (HubTensor& tensor : tensors) {
      if (tensor.parts.empty() || (tensor.role == HubRole::kCopy) != copies) continue;
      if (held.insert(tensor.parts.front()).second) tensor.role = HubRole::kParameter;
      held.insert(tensor.parts.begin(), tensor.parts.end());
    }
  }
  check_complete(names, make_plan(config), held, name);
  return tensors;
}

std::vector<HubTensor> new_hub_tensors(const ModelConfig& config) {
  ModelPlan plan = make_plan(config);
  plan.family = choose_hub_class(config).family;
  const std::string prefix = family(plan.family).hub_names().prefix;
  std::vector<HubTensor> tensors;
  for (const PublicTensor& tensor : public_tensors(plan)) {
    std::string name = tensor.name;
    if (!config.lm_head && name.starts_with(prefix)) name = name.substr(prefix.size());
    tensors.push_back({name, HubRole::kParameter, tensor.parts, tensor.transposed});
  }
  return tensors;
}

}  // namespace trireme::spec
