#include "models/schedule/schedule.hpp"

#include <algorithm>
#include <tuple>

#include "base/error.hpp"
#include "models/schedule/compute_order.hpp"

namespace trireme::schedule {

using base::InputError;
using base::str;

const char* name_of(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::kGpipe: return "gpipe";
    case ScheduleKind::kOneForwardOneBackward: return "1f1b";
    case ScheduleKind::kInterleaved: break;
  }
  return "interleaved";
}

void check(const Plan& plan) {
  if (plan.stages < 1 || plan.chunks < 1 || plan.micro_batches < 1) {
    throw InputError(str("a schedule needs at least one stage, chunk and micro-batch, not ", plan.stages, ", ",
                         plan.chunks, " and ", plan.micro_batches));
  }
  if (plan.kind == ScheduleKind::kOneForwardOneBackward && plan.chunks > 1) {
    throw InputError(str("parallel.chunks = ", plan.chunks,
                         " needs parallel.schedule = interleaved (or gpipe): 1f1b has one chunk per stage"));
  }
  if (plan.kind == ScheduleKind::kInterleaved && plan.micro_batches % plan.stages != 0) {
    throw InputError(str("parallel.schedule = interleaved needs micro-batches in multiples of parallel.pp = ",
                         plan.stages, ", not ", plan.micro_batches));
  }
}

namespace {

// A backward costs about two forwards. With these times transfers meet where neither end waits for the other.
constexpr int kForwardTime = 1;
constexpr int kBackwardTime = 2;
constexpr long kUnknown = -1;

// A compute or a transfer with its place in one common order of the whole pipeline.
struct Event {
  long time;
  int index;  // index of the compute in its stage's order; of equal times the earlier one goes first
  int stage;
  bool is_transfer;
};

class Lowering {
 public:
  explicit Lowering(const Plan& plan) : plan_(plan), all_chunks_(plan.stages * plan.chunks) {
    for (int stage = 0; stage < plan.stages; ++stage) orders_.push_back(compute_order(plan, stage));
    forward_done_.assign(static_cast<std::size_t>(all_chunks_) * plan.micro_batches, kUnknown);
    backward_done_ = forward_done_;
  }

  std::vector<StageActions> run() {
    time_computes();
    std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return std::tuple(a.time, !a.is_transfer, a.index, a.stage) <
             std::tuple(b.time, !b.is_transfer, b.index, b.stage);
    });
    std::vector<StageActions> lists(plan_.stages);
    for (const Event& event : events_) {
      const Action& compute = orders_[event.stage][event.index];
      if (event.is_transfer) {
        add_transfer(lists, event.stage, compute);
      } else {
        lists[event.stage].push_back(compute);
      }
    }
    return lists;
  }

 private:
  long& done(ActionKind kind, int chunk, int micro_batch) {
    const std::size_t at = static_cast<std::size_t>(chunk) * plan_.micro_batches + micro_batch;
    return kind == ActionKind::kForward ? forward_done_[at] : backward_done_[at];
  }

  // The time at which the compute's input is there; kUnknown while that is not known.
  long ready(const Action& compute) {
    if (compute.kind == ActionKind::kForward) {
      return compute.chunk == 0 ? 0 : done(ActionKind::kForward, compute.chunk - 1, compute.micro_batch);
    }
    const long own = done(ActionKind::kForward, compute.chunk, compute.micro_batch);
    if (compute.chunk + 1 == all_chunks_ || own == kUnknown) return own;
    const long after = done(ActionKind::kBackward, compute.chunk + 1, compute.micro_batch);
    return after == kUnknown ? kUnknown : std::max(own, after);
  }

  // The neighbouring chunk that gets this compute's result, or -1.
  int receiver(const Action& compute) const {
    if (plan_.stages == 1) return -1;
    const int chunk = compute.kind == ActionKind::kForward ? compute.chunk + 1 : compute.chunk - 1;
    return chunk == all_chunks_ ? -1 : chunk;
  }

  // Gives every compute its time as if transfers took no time, stage by stage as far as inputs are known.
  void time_computes() {
    std::vector<std::size_t> next(plan_.stages, 0);
    std::vector<long> clock(plan_.stages, 0);
    for (bool moved = true; moved;) {
      moved = false;
      for (int stage = 0; stage < plan_.stages; ++stage) {
        for (; next[stage] < orders_[stage].size(); ++next[stage]) {
          const Action& compute = orders_[stage][next[stage]];
          const long input = ready(compute);
          if (input == kUnknown) break;
          const long start = std::max(clock[stage], input);
          clock[stage] = start + (compute.kind == ActionKind::kForward ? kForwardTime : kBackwardTime);
          done(compute.kind, compute.chunk, compute.micro_batch) = clock[stage];
          const int index = static_cast<int>(next[stage]);
          events_.push_back({start, index, stage, false});
          if (receiver(compute) >= 0) events_.push_back({clock[stage], index, stage, true});
          moved = true;
        }
      }
    }
  }

  // Both ends get the transfer at the same place of the common order, so no order of waiting can deadlock.
  void add_transfer(std::vector<StageActions>& lists, int stage, const Action& compute) const {
    const Payload payload = compute.kind == ActionKind::kForward ? Payload::kActivation : Payload::kGradient;
    const int peer = receiver(compute) % plan_.stages;
    append(lists[stage], {Direction::kSend, payload, compute.chunk, compute.micro_batch, peer});
    append(lists[peer], {Direction::kReceive, payload, compute.chunk, compute.micro_batch, stage});
  }

  static void append(StageActions& list, const Transfer& transfer) {
    if (list.empty() || list.back().kind != ActionKind::kExchange) list.push_back({ActionKind::kExchange, -1, -1, {}});
    list.back().transfers.push_back(transfer);
  }

  Plan plan_;
  int all_chunks_;
  std::vector<std::vector<Action>> orders_;
  std::vector<long> forward_done_, backward_done_;
  std::vector<Event> events_;
};

}  // namespace

std::vector<StageActions> make_schedules(const Plan& plan) {
  check(plan);
  return Lowering(plan).run();
}

StageActions make_schedule(const Plan& plan, int stage) {
  return make_schedules(plan).at(static_cast<std::size_t>(stage));
}

std::string to_string(const Action& action) {
  if (action.kind != ActionKind::kExchange) {
    return str(action.kind == ActionKind::kForward ? "F" : "B", action.chunk, ".", action.micro_batch);
  }
  std::string text = "[";
  for (const Transfer& transfer : action.transfers) {
    const bool send = transfer.direction == Direction::kSend;
    text += str(text.size() > 1 ? " " : "", send ? ">" : "<", transfer.payload == Payload::kActivation ? "A" : "G",
                transfer.chunk, ".", transfer.micro_batch, send ? "→" : "←", transfer.peer);
  }
  return text + "]";
}

}  // namespace trireme::schedule
