#include "launcher/attempt/save_description.hpp"

#include "base/json.hpp"
#include "io/tokens/data_source.hpp"
#include "launcher/console/run_text.hpp"
#include "launcher/program/version.hpp"

namespace trireme::launcher {
namespace {

base::Json versions_as_json() {
  base::Json versions;
  for (const LibraryVersion& library : library_versions()) {
    versions[library.name] = library.loaded.empty() ? library.built_with : library.loaded;
  }
  return versions;
}

}  // namespace

void describe_training(const RunInput& input, const Position& at, checkpoint::SaveInfo& info) {
  const options::RunOptions& options = input.options();
  info.options = options::to_ini(options::lasting(options));
  info.layout = {{"text", layout_text(input.resolved)},
                 {"tp", options.parallel.tp},
                 {"pp", options.parallel.pp},
                 {"dp", options.parallel.dp},
                 {"schedule", options.parallel.schedule},
                 {"chunks", options.parallel.chunks},
                 {"zero", options.parallel.zero}};
  info.cursor = tokens::to_json(input.train->cursor(at.consumed_samples, at.skipped));
  info.extra = {{"precision", options.train.precision},
                {"skipped_steps", at.skipped_steps},
                {"tokenizer_hash", input.train->tokenizer_hash()}};
  if (!at.losses.empty()) info.extra["recent_losses"] = at.losses;
  info.versions = versions_as_json();
}

}  // namespace trireme::launcher
