#include "base/error.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/resolve.hpp"

namespace trireme::options {
namespace {

bool must_match(const Key& key) { return key.section == "model" && key.name != "preset" && key.name != "init_from"; }

}  // namespace

std::vector<std::string> compare_on_resume(const RunOptions& stored, const RunOptions& now,
                                           const std::string& stored_tokenizer_hash,
                                           const std::string& tokenizer_hash) {
  std::vector<std::string> changes;
  for (const Key& key : key_table()) {
    const std::string before = value_of(stored, key).value_or("(none)");
    const std::string after = value_of(now, key).value_or("(none)");
    if (before == after) continue;
    if (must_match(key)) {
      throw base::InputError(base::str(key.path(), " = ", after, ", but the checkpoint was trained with ", before,
                                       ": set it back, or start another run (run.dir) from the checkpoint with "
                                       "model.init_from"));
    }
    changes.push_back(base::str(key.path(), ": ", before, " -> ", after));
  }
  if (!stored_tokenizer_hash.empty() && !tokenizer_hash.empty() && stored_tokenizer_hash != tokenizer_hash) {
    throw base::InputError(base::str("data.tokenizer: the datasets are of another tokenizer (", tokenizer_hash,
                                     ") than the checkpoint was trained with (", stored_tokenizer_hash,
                                     "): prepare them with that one, or start another run (run.dir)"));
  }
  return changes;
}

}  // namespace trireme::options
