#include "models/schedule/compute_order.hpp"

#include <algorithm>

namespace trireme::schedule {
namespace {

Action compute(ActionKind kind, int chunk, int micro_batch) { return {kind, chunk, micro_batch, {}}; }

std::vector<Action> gpipe_order(const Plan& plan, int stage) {
  std::vector<Action> order;
  for (int turn = 0; turn < plan.chunks; ++turn) {
    for (int m = 0; m < plan.micro_batches; ++m) {
      order.push_back(compute(ActionKind::kForward, turn * plan.stages + stage, m));
    }
  }
  for (int turn = plan.chunks - 1; turn >= 0; --turn) {
    for (int m = 0; m < plan.micro_batches; ++m) {
      order.push_back(compute(ActionKind::kBackward, turn * plan.stages + stage, m));
    }
  }
  return order;
}

// The k-th forward (or backward) of a stage: rounds of `stages` micro-batches go through the chunks upwards (or
// downwards). Example: stages 2, chunks 2, stage 0: forwards (0,0) (0,1) (2,0) (2,1) (0,2) (0,3) …
Action kth(const Plan& plan, int stage, ActionKind kind, int k) {
  const int round = plan.stages * plan.chunks;
  const int turn = k % round / plan.stages;
  const int chunk_turn = kind == ActionKind::kForward ? turn : plan.chunks - 1 - turn;
  const int micro_batch = k / round * plan.stages + k % plan.stages;
  return compute(kind, chunk_turn * plan.stages + stage, micro_batch);
}

// Forwards until the pipeline is full, then one forward and one backward in turn, then the remaining backwards.
std::vector<Action> one_forward_one_backward_order(const Plan& plan, int stage) {
  const int total = plan.micro_batches * plan.chunks;
  const int behind = plan.stages - 1 - stage;
  const int fill = plan.chunks == 1 ? behind : 2 * behind + (plan.chunks - 1) * plan.stages;
  const int warm_up = std::min(fill, total);
  const auto action = [&](ActionKind kind, int k) {
    // With one chunk the number is the micro-batch itself, so any number of micro-batches works.
    return plan.chunks == 1 ? compute(kind, stage, k) : kth(plan, stage, kind, k);
  };
  std::vector<Action> order;
  for (int k = 0; k < warm_up; ++k) order.push_back(action(ActionKind::kForward, k));
  for (int k = warm_up; k < total; ++k) {
    order.push_back(action(ActionKind::kForward, k));
    order.push_back(action(ActionKind::kBackward, k - warm_up));
  }
  for (int k = total - warm_up; k < total; ++k) order.push_back(action(ActionKind::kBackward, k));
  return order;
}

}  // namespace

std::vector<Action> compute_order(const Plan& plan, int stage) {
  return plan.kind == ScheduleKind::kGpipe ? gpipe_order(plan, stage) : one_forward_one_backward_order(plan, stage);
}

}  // namespace trireme::schedule
