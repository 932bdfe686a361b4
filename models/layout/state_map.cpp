#include "models/layout/state_map.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/layout/name_pattern.hpp"

namespace trireme::layout {
namespace {

using base::InputError;
using base::str;
using Tensors = std::vector<spec::LogicalTensor>;

std::string key_of(const ParameterGroup& group, const char* key) { return str("group.", group.name, ".", key); }

/// "layers.*.attention.q.weight": one name for the tensors of all layers.
std::string of_all_layers(const spec::LogicalTensor& tensor) {
  if (tensor.layer < 0) return tensor.name;
  const std::string front = str("layers.", tensor.layer, ".");
  return "layers.*." + tensor.name.substr(front.size());
}

/// The three names that are nearest to a pattern.
std::string near_names(const std::string& pattern, const Tensors& tensors) {
  std::set<std::string> names;
  for (const spec::LogicalTensor& tensor : tensors) names.insert(of_all_layers(tensor));
  std::vector<std::string> sorted(names.begin(), names.end());
  std::stable_sort(sorted.begin(), sorted.end(), [&](const std::string& a, const std::string& b) {
    return base::edit_distance(pattern, a) < base::edit_distance(pattern, b);
  });
  sorted.resize(std::min<std::size_t>(sorted.size(), 3));
  return base::join(sorted);
}

}  // namespace

StateMap::StateMap() : groups_(1) {}

StateMap::StateMap(std::vector<ParameterGroup> groups, const Tensors& tensors) : groups_(std::move(groups)) {
  groups_.emplace_back();
  assign(tensors);
  check_blocks(tensors);
}

void StateMap::assign(const Tensors& tensors) {
  for (std::size_t index = 0; index + 1 < groups_.size(); ++index) {
    const ParameterGroup& group = groups_[index];
    const std::string key = key_of(group, "match");
    if (group.patterns.empty()) throw InputError(str(key, " is missing: name tensors, as in ", key, " = embed.*"));
    std::size_t count = 0;
    for (const std::string& pattern : group.patterns) {
      bool any = false;
      for (const spec::LogicalTensor& tensor : tensors) {
        if (!matches(pattern, tensor.name)) continue;
        any = true;
        if (taken_.emplace(tensor.name, index).second) ++count;
      }
      if (any) continue;
      throw InputError(str(key, ": ", pattern, " matches no tensor of the model; near are ",
                           near_names(pattern, tensors), " (* stands for any characters)"));
    }
    if (count == 0) {
      throw InputError(str(key, ": all tensors that it matches belong to groups before it: put [group.", group.name,
                           "] in front of them, or leave it out"));
    }
  }
}

void StateMap::check_blocks(const Tensors& tensors) const {
  std::map<std::string, const spec::LogicalTensor*> first;
  bool any_trainable = false;
  for (const spec::LogicalTensor& tensor : tensors) {
    any_trainable = any_trainable || trainable(tensor.name);
    const spec::LogicalTensor& other = *first.emplace(tensor.block, &tensor).first->second;
    if (trainable(other.name) == trainable(tensor.name)) continue;
    const spec::LogicalTensor& frozen = trainable(tensor.name) ? other : tensor;
    const spec::LogicalTensor& trained = trainable(tensor.name) ? tensor : other;
    throw InputError(str(key_of(groups_[group_of(frozen.name)], "frozen"), " freezes ", frozen.name, " but not ",
                         trained.name, ", which is a part of the same matrix: let both match, or neither"));
  }
  if (any_trainable || tensors.empty()) return;
  throw InputError(str(key_of(groups_.front(), "frozen"), ": every tensor of the model is frozen, so there is nothing ",
                       "to train: let fewer match"));
}

std::size_t StateMap::group_of(const std::string& tensor) const {
  const auto found = taken_.find(tensor);
  return found == taken_.end() ? groups_.size() - 1 : found->second;
}

}  // namespace trireme::layout
