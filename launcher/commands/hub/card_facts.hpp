// What the model card of an exported checkpoint says, from the checkpoint and its run directory.
#pragma once

#include <filesystem>
#include <optional>

#include "base/file_system.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "launcher/hub/model_card.hpp"
#include "launcher/hub/record.hpp"
#include "models/spec/config.hpp"

namespace trireme::launcher {

/// `output` is the directory to write, whose name the model gets. The metrics are those of the run directory that the
/// checkpoint lies in, if it does; what cannot be read there is left out.
CardFacts card_facts(base::FileSystem& files, const checkpoint::OpenedCheckpoint& opened,
                     const std::optional<HubRecord>& record, const spec::ModelConfig& model,
                     const std::filesystem::path& output);

}  // namespace trireme::launcher
