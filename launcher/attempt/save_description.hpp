// What a checkpoint says of the training that made it.
#pragma once

#include "io/checkpoint/save/save_info.hpp"
#include "launcher/attempt/position.hpp"
#include "launcher/session/run_input.hpp"

namespace trireme::launcher {

/// Fills in options, layout, position in the data and versions of libraries.
void describe_training(const RunInput& input, const Position& at, checkpoint::SaveInfo& info);

}  // namespace trireme::launcher
