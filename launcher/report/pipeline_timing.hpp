// When each stage of a pipeline computes what: a schedule played through with assumed costs. Pure.
#pragma once

#include <vector>

#include "base/json.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::launcher {

/// One forward or backward. Times are in units of a stage's forward of one micro-batch.
struct Slot {
  int stage = 0;
  bool forward = true;
  int chunk = 0;  ///< global number
  int micro_batch = 0;
  double begin = 0.0, end = 0.0;
};

struct PipelineTiming {
  std::vector<Slot> slots;
  double length = 0.0;
  double idle_share = 0.0;  ///< of the stages' time: the bubble
};

/// Assumes that stages cost the same, that a backward takes twice as long as its forward, and that sending takes no
/// time. Throws as schedule::check() does.
PipelineTiming time_pipeline(const schedule::Plan& plan);

/// A page shows at most so many micro-batches of a step; the bubble is that of all.
inline constexpr int kMostDrawn = 16;

/// {"kind","stages","chunks","micro_batches","played","idle_share","drawn","length","slots":[[stage,forward,chunk,
/// micro_batch,begin,end],…]}. The idle share is that of `played` micro-batches, which are fewer than all when there
/// are very many. Where all stages together have more than 256 chunks, only the first four members.
base::Json pipeline_json(const schedule::Plan& plan);

}  // namespace trireme::launcher
