#include "launcher/report/pipeline_timing.hpp"

#include <algorithm>
#include <cstddef>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

constexpr double kBackward = 2.0;    // of a forward
constexpr int kMostChunks = 256;     // of all stages
constexpr int kMostPlayed = 100000;  // micro-batches x chunks

/// When each chunk's forward and backward of each micro-batch ended; below 0: not yet.
class Ends {
 public:
  explicit Ends(const schedule::Plan& plan)
      : chunks_(plan.stages * plan.chunks),
        micro_batches_(plan.micro_batches),
        ends_(2 * static_cast<std::size_t>(chunks_) * static_cast<std::size_t>(micro_batches_), -1.0) {}

  double& at(bool forward, int chunk, int micro_batch) {
    const std::size_t row = static_cast<std::size_t>(forward ? 0 : chunks_) + static_cast<std::size_t>(chunk);
    return ends_[row * static_cast<std::size_t>(micro_batches_) + static_cast<std::size_t>(micro_batch)];
  }
  /// When what the action needs is there; below 0: not known yet.
  double ready(const schedule::Action& action) {
    const bool forward = action.kind == schedule::ActionKind::kForward;
    if (forward) return action.chunk == 0 ? 0.0 : at(true, action.chunk - 1, action.micro_batch);
    const double own = at(true, action.chunk, action.micro_batch);
    if (action.chunk == chunks_ - 1 || own < 0) return own;
    const double next = at(false, action.chunk + 1, action.micro_batch);
    return next < 0 ? next : std::max(own, next);
  }

 private:
  int chunks_, micro_batches_;
  std::vector<double> ends_;
};

}  // namespace

PipelineTiming time_pipeline(const schedule::Plan& plan) {
  const std::vector<schedule::StageActions> stages = schedule::make_schedules(plan);
  Ends ends(plan);
  std::vector<std::size_t> next(stages.size(), 0);
  std::vector<double> free(stages.size(), 0.0);
  const double unit = 1.0 / plan.chunks;
  PipelineTiming timing;
  double busy = 0.0;
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t stage = 0; stage < stages.size(); ++stage) {
      for (; next[stage] < stages[stage].size(); ++next[stage]) {
        const schedule::Action& action = stages[stage][next[stage]];
        if (action.kind == schedule::ActionKind::kExchange) continue;
        const double ready = ends.ready(action);
        if (ready < 0) break;
        const bool forward = action.kind == schedule::ActionKind::kForward;
        const double begin = std::max(free[stage], ready);
        free[stage] = begin + (forward ? unit : kBackward * unit);
        busy += free[stage] - begin;
        ends.at(forward, action.chunk, action.micro_batch) = free[stage];
        timing.slots.push_back(
            {static_cast<int>(stage), forward, action.chunk, action.micro_batch, begin, free[stage]});
        moved = true;
      }
    }
  }
  for (std::size_t stage = 0; stage < stages.size(); ++stage) {
    if (next[stage] != stages[stage].size()) throw base::Error("a pipeline schedule does not come to its end");
  }
  timing.length = *std::ranges::max_element(free);
  timing.idle_share = 1.0 - busy / (timing.length * static_cast<double>(stages.size()));
  return timing;
}

base::Json pipeline_json(const schedule::Plan& plan) {
  base::Json json = {{"kind", schedule::name_of(plan.kind)},
                     {"stages", plan.stages},
                     {"chunks", plan.chunks},
                     {"micro_batches", plan.micro_batches}};
  const int chunks = plan.stages * plan.chunks;
  if (plan.stages > kMostChunks || plan.chunks > kMostChunks || chunks > kMostChunks) return json;
  schedule::Plan played = plan;
  // Interleaved schedules take whole rounds of the stages only.
  played.micro_batches = std::min(plan.micro_batches, kMostPlayed / chunks / plan.stages * plan.stages);
  json["played"] = played.micro_batches;
  json["idle_share"] = time_pipeline(played).idle_share;
  played.micro_batches = std::min(played.micro_batches, std::max(kMostDrawn / plan.stages, 1) * plan.stages);
  const PipelineTiming timing = time_pipeline(played);
  json["drawn"] = played.micro_batches;
  json["length"] = timing.length;
  json["slots"] = base::Json::array();
  for (const Slot& slot : timing.slots) {
    json["slots"].push_back({slot.stage, slot.forward ? 1 : 0, slot.chunk, slot.micro_batch, slot.begin, slot.end});
  }
  return json;
}

}  // namespace trireme::launcher
