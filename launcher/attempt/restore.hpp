// Where an attempt goes on: from the newest checkpoint, from given weights, or from scratch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "launcher/attempt/attempt_parts.hpp"
#include "launcher/attempt/position.hpp"
#include "launcher/checkpointing/fast_tier.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// Where the training goes on. The fast tier may be ahead of the run directory.
struct Start {
  Position position;
  std::int64_t saved_step = 0;  ///< the newest in the run directory, 0 = none
  /// The checkpoint or Hugging Face directory that model.init_from led to; "" unless the training began with it.
  std::filesystem::path weights;
  std::string hub;  ///< HUB.json of what the training goes on from, which its checkpoints carry on; "": none. On rank 0

  /// The step in the run directory that the training goes on from; nothing when it goes on from elsewhere.
  std::optional<std::int64_t> resumed_from() const {
    return saved_step > 0 && saved_step == position.step ? std::optional(saved_step) : std::nullopt;
  }
};

/// Collective. Fills the trainer's state, and sets the training data to go on where the checkpoint's does. The log says
/// what was taken and what changed since. `fast` may be null. Errors as checkpoint::restore_newest and
/// options::compare_on_resume.
Start restore(Session& session, const AttemptParts& parts, const FastTier* fast);

}  // namespace trireme::launcher
