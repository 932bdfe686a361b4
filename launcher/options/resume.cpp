#include <algorithm>

#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/options/group_keys.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/model.hpp"
#include "launcher/options/resolve.hpp"

namespace trireme::options {
namespace {

/// Each optimizer keeps something else about a parameter. Of groups the load finds what is missing, tensor by tensor:
/// a group may come, go or get another name without another optimizer for any of them.
bool names_optimizer(const Key& key) { return key.path() == "optimizer.name"; }

bool must_match(const Key& key) {
  if (names_optimizer(key)) return true;
  return key.section == "model" && key.name != "preset" && key.name != "init_from";
}

bool grows(const RunOptions& stored, const RunOptions& now) { return now.model.vocab > stored.model.vocab; }

bool may_grow(const RunOptions& now) {
  const std::vector<std::string> allowed = names_of(now.checkpoint.allow);
  const std::vector<std::string> needed = names_of(growing_tensors(now.model));
  return std::all_of(needed.begin(), needed.end(), [&](const std::string& name) {
    return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  });
}

/// Whether the run says which slots another optimizer may lack or leave: the load checks that these are all.
bool allows_other_slots(const RunOptions& now) {
  const std::vector<std::string> allowed = names_of(now.checkpoint.allow);
  return std::any_of(allowed.begin(), allowed.end(), [](const std::string& name) { return name.starts_with("slot:"); });
}

/// The keys of `now`, then those of groups that only `before` has.
std::vector<Key> keys_of_both(const RunOptions& before, const RunOptions& now) {
  std::vector<Key> keys = keys_of(now);
  for (const Key& key : keys_of(before)) {
    if (!has_group(now, key)) keys.push_back(key);
  }
  return keys;
}

/// "embedding, head": the order counts, since a tensor belongs to the first group that matches.
std::string group_order(const RunOptions& options) {
  std::vector<std::string> names;
  for (const GroupSection& group : options.groups) names.push_back(group.name);
  return names.empty() ? "(none)" : base::join(names);
}

std::string advice(const Key& key, const RunOptions& stored, const RunOptions& now) {
  std::string text = "set it back, or start another run (run.dir) from the checkpoint with model.init_from";
  if (names_optimizer(key)) {
    return text +
           ", or go on without what the optimizer kept: checkpoint.allow = slot:NAME for each of its slots, old and "
           "new (docs/optimizers.md)";
  }
  if (key.path() != "model.vocab") return text;
  if (!grows(stored, now)) return "a vocabulary may grow, it cannot shrink: set it back";
  return base::str("set it back, or let the new tokens start from initial values with checkpoint.allow = ",
                   growing_tensors(now.model));
}

}  // namespace

std::vector<std::string> compare_on_resume(const RunOptions& stored, const RunOptions& now,
                                           const std::string& stored_tokenizer_hash,
                                           const std::string& tokenizer_hash) {
  std::vector<std::string> changes;
  const RunOptions lasts = lasting(now);
  RunOptions before_all = stored;
  before_all.model = stored_model(stored.model);
  complete_model(before_all.model, {});  // version 0.1 stored fewer properties
  for (const Key& key : keys_of_both(before_all, lasts)) {
    const std::string before = value_of(before_all, key).value_or("(none)");
    const std::string after = value_of(lasts, key).value_or("(none)");
    if (before == after) continue;
    const bool grown = key.path() == "model.vocab" && grows(stored, now) && may_grow(now);
    const bool other_slots = names_optimizer(key) && allows_other_slots(now);
    if (must_match(key) && !grown && !other_slots) {
      throw base::InputError(base::str(key.path(), " = ", after, ", but the checkpoint was trained with ", before, ": ",
                                       advice(key, stored, now)));
    }
    changes.push_back(base::str(key.path(), ": ", before, " -> ", after));
  }
  if (const std::string before = group_order(stored), after = group_order(now); before != after) {
    changes.push_back(base::str("groups: ", before, " -> ", after));
  }
  if (!stored_tokenizer_hash.empty() && !tokenizer_hash.empty() && stored_tokenizer_hash != tokenizer_hash) {
    throw base::InputError(
        base::str("data.tokenizer: the datasets are of another tokenizer (", tokenizer_hash,
                  ") than the checkpoint was trained with (", stored_tokenizer_hash,
                  "): prepare them with that one, or start another run (run.dir) with model.init_from"));
  }
  return changes;
}

}  // namespace trireme::options
