#include <algorithm>

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/resolve.hpp"

namespace trireme::options {
namespace {

bool must_match(const Key& key) { return key.section == "model" && key.name != "preset" && key.name != "init_from"; }

bool grows(const RunOptions& stored, const RunOptions& now) { return now.model.vocab > stored.model.vocab; }

// The tensors that checkpoint.allow must let grow for a larger vocabulary.
std::vector<std::string> growing_tensors(const RunOptions& now) {
  std::vector<std::string> names = {"grow:embed.tokens"};
  if (!now.model.tie_embeddings.value_or(false)) names.push_back("grow:head.weight");
  return names;
}

bool may_grow(const RunOptions& now) {
  const std::vector<std::string> allowed = names_of(now.checkpoint.allow);
  const std::vector<std::string> needed = growing_tensors(now);
  return std::all_of(needed.begin(), needed.end(), [&](const std::string& name) {
    return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  });
}

std::string advice(const Key& key, const RunOptions& stored, const RunOptions& now) {
  std::string text = "set it back, or start another run (run.dir) from the checkpoint with model.init_from";
  if (key.path() != "model.vocab") return text;
  if (!grows(stored, now)) return "a vocabulary may grow, it cannot shrink: set it back";
  std::string permission;
  for (const std::string& name : growing_tensors(now)) permission += (permission.empty() ? "" : ", ") + name;
  return base::str("set it back, or let the new tokens start from initial values with checkpoint.allow = ", permission);
}

}  // namespace

std::vector<std::string> compare_on_resume(const RunOptions& stored, const RunOptions& now,
                                           const std::string& stored_tokenizer_hash,
                                           const std::string& tokenizer_hash) {
  std::vector<std::string> changes;
  const RunOptions lasts = lasting(now);
  for (const Key& key : key_table()) {
    const std::string before = value_of(stored, key).value_or("(none)");
    const std::string after = value_of(lasts, key).value_or("(none)");
    if (before == after) continue;
    const bool grown = key.path() == "model.vocab" && grows(stored, now) && may_grow(now);
    if (must_match(key) && !grown) {
      throw base::InputError(base::str(key.path(), " = ", after, ", but the checkpoint was trained with ", before, ": ",
                                       advice(key, stored, now)));
    }
    changes.push_back(base::str(key.path(), ": ", before, " -> ", after));
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
