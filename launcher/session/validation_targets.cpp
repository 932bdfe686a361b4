#include "launcher/session/validation_targets.hpp"

#include <array>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/words.hpp"
#include "io/tokens/batch_plan.hpp"

namespace trireme::launcher {

void require_targets(const tokens::DataSource& source, const std::string& key, std::int64_t samples) {
  if (!source.has_loss_mask()) return;
  const std::uint64_t count = tokens::validation_count(source.samples(), samples);
  for (std::uint64_t sample = 0; sample < count; ++sample) {
    if (source.targets(std::array{sample}) > 0) return;
  }
  std::vector<std::string> paths;
  for (const tokens::TokenDataset& dataset : source.datasets()) paths.push_back(dataset.path());
  const std::string where = base::str(key, ": none of the ", count, " samples to be read of ", base::join(paths));
  if (source.learns_last_turns()) {
    throw base::InputError(base::str(where,
                                     " holds a last response, so sft.loss = last has nothing to predict there: prepare "
                                     "the conversations with a larger --sequence, or set sft.loss = all"));
  }
  throw base::InputError(base::str(where, " holds a token to predict: name data in which some tokens carry loss"));
}

}  // namespace trireme::launcher
