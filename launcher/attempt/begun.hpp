// Since when AdamW's moments count, from checkpoint to checkpoint.
#pragma once

#include <cstdint>

#include "base/json.hpp"
#include "io/checkpoint/load/load_options.hpp"
#include "models/optim/begun.hpp"

namespace trireme::launcher {

/// What Manifest::extra says of it; nothing, in a checkpoint of an earlier version or without a change: since the
/// training's beginning.
optim::Begun begun_of(const base::Json& extra);
void add_to(base::Json& extra, const optim::Begun& begun);

/// Sets what a load after `updates` updates did not find, and so left at zero.
void begin_missing(optim::Begun& begun, const checkpoint::LoadResult& loaded, std::int64_t updates);

}  // namespace trireme::launcher
