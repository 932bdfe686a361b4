#include "launcher/options/group_keys.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/words.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

GroupSection& group_of(RunOptions& options, const std::string& name) {
  const auto found = std::ranges::find(options.groups, name, &GroupSection::name);
  if (found != options.groups.end()) return *found;
  options.groups.emplace_back().name = name;
  return options.groups.back();
}

template <typename Value>
FieldOf<Value> field(const std::string& name, Value GroupSection::*member) {
  return [name, member](RunOptions& options) -> Value& { return group_of(options, name).*member; };
}

bool is_name(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !text.empty() && std::ranges::all_of(text, allowed);
}

}  // namespace

std::vector<Key> group_keys(const std::string& name) {
  constexpr double kAny = std::numeric_limits<double>::infinity();
  const std::string section = kGroupPrefix + name;
  return {
      {section, "match", field(name, &GroupSection::match), "",
       "names of tensors, separated by commas, in which * stands for any characters: layers.*.attention.*, "
       "embed.tokens",
       "-"},
      {section,
       "lr_scale",
       field(name, &GroupSection::lr_scale),
       "",
       "factor on the learning rate",
       "",
       {},
       0,
       kAny,
       true},
      {section,
       "weight_decay",
       field(name, &GroupSection::weight_decay),
       "",
       "on matrices only",
       "optimizer.weight_decay, or with another optimizer than optimizer.name that one's default",
       {},
       0,
       kAny},
      {section,
       "optimizer",
       field(name, &GroupSection::optimizer),
       "",
       "as optimizer.name; where it is another one, its other numbers are its defaults, not those of the [optimizer] "
       "section",
       "optimizer.name",
       {"adamw", "muon", "sgd", "lion"}},
      {section, "frozen", field(name, &GroupSection::frozen), "",
       "the tensors stay as they are: no gradients, no state of the optimizer, nothing summed over ranks"},
  };
}

Key find_group_key(const std::string& path) {
  const std::string rest = path.substr(std::string(kGroupPrefix).size());
  const std::size_t dot = rest.rfind('.');
  const std::string name = rest.substr(0, dot == std::string::npos ? 0 : dot);
  if (!is_name(name)) {
    throw InputError(str(path, ": a group has a name of letters, digits, - and _, as in [group.embedding]"));
  }
  std::vector<std::string> paths;
  for (Key& key : group_keys(name)) {
    if (key.path() == path) return std::move(key);
    paths.push_back(key.path());
  }
  const std::string near = base::nearest(path, paths);
  throw InputError(near.empty() ? str("unknown key ", path, " (known: ", base::join(paths), ")")
                                : str("unknown key ", path, ", did you mean ", near, "?"));
}

bool has_group(const RunOptions& options, const Key& key) {
  if (!key.section.starts_with(kGroupPrefix)) return true;
  const std::string name = key.section.substr(std::string(kGroupPrefix).size());
  return std::ranges::find(options.groups, name, &GroupSection::name) != options.groups.end();
}

std::vector<Key> keys_of(const RunOptions& options) {
  std::vector<Key> keys = key_table();
  for (const GroupSection& group : options.groups) {
    std::ranges::move(group_keys(group.name), std::back_inserter(keys));
  }
  return keys;
}

}  // namespace trireme::options
