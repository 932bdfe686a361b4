#include "launcher/options/model_difference.hpp"

#include "launcher/options/key_table.hpp"
#include "launcher/options/model.hpp"

namespace trireme::options {
namespace {

bool is_of_the_model(const Key& key) {
  return key.section == "model" && key.name != "preset" && key.name != "init_from" && key.name != "dropout" &&
         key.name != "init_std";
}

RunOptions complete(const RunOptions& stored) {
  RunOptions options = stored;
  if (stored.model.arch.empty()) return options;
  options.model = stored_model(stored.model);
  complete_model(options.model, {});  // version 0.1 stored fewer properties
  return options;
}

}  // namespace

std::optional<ModelDifference> model_difference(const RunOptions& one, const RunOptions& other) {
  if (one.model.arch.empty() && other.model.arch.empty()) return std::nullopt;
  const RunOptions a = complete(one);
  const RunOptions b = complete(other);
  for (const Key& key : key_table()) {
    if (!is_of_the_model(key)) continue;
    const std::string first = value_of(a, key).value_or("(none)");
    const std::string second = value_of(b, key).value_or("(none)");
    if (first != second) return ModelDifference{key.path(), first, second};
  }
  return std::nullopt;
}

}  // namespace trireme::options
