// Pipeline schedules as pure lists: what each stage computes, and when it exchanges what with which stage.
//
// Sources: GPipe (arXiv 1811.06965), 1F1B (PipeDream-flush, arXiv 2006.09503), interleaved 1F1B (arXiv 2104.04473).
#pragma once

#include <string>
#include <vector>

namespace trireme::schedule {

enum class ScheduleKind {
  kGpipe,  ///< all forwards, then all backwards
  kOneForwardOneBackward,
  kInterleaved,  ///< 1F1B over several chunks per stage
};

const char* name_of(ScheduleKind kind);  ///< "gpipe", "1f1b", "interleaved"

enum class ActionKind { kForward, kBackward, kExchange };

enum class Direction { kSend, kReceive };
enum class Payload {
  kActivation,  ///< output of a forward: goes from chunk c to chunk c + 1
  kGradient,    ///< gradient of a chunk's input, from its backward: goes from chunk c to chunk c - 1
};

/// One tensor on its way between two stages.
struct Transfer {
  Direction direction = Direction::kSend;
  Payload payload = Payload::kActivation;
  int chunk = 0;  ///< global number of the chunk that produced it
  int micro_batch = 0;
  int peer = 0;  ///< stage at the other end

  bool operator==(const Transfer&) const = default;
};

/// kForward and kBackward use chunk (global number) and micro_batch; kExchange uses transfers.
struct Action {
  ActionKind kind = ActionKind::kForward;
  int chunk = 0;
  int micro_batch = 0;
  std::vector<Transfer> transfers;

  bool operator==(const Action&) const = default;
};

using StageActions = std::vector<Action>;

/// What the schedule is made for. Chunk c of stages * chunks lives on stage c % stages.
struct Plan {
  ScheduleKind kind = ScheduleKind::kOneForwardOneBackward;
  int stages = 1;
  int chunks = 1;         ///< per stage
  int micro_batches = 1;  ///< per optimizer step and data-parallel replica
};

/// Throws base::InputError in a sentence when no such schedule exists: 1f1b with several chunks, interleaved with
/// micro_batches not a multiple of stages.
void check(const Plan& plan);

/// What `stage` does in one step, in order. Throws as check().
///
/// An Exchange is one group: all its transfers are started together (ncclGroupStart/End, or all MPI_Isend and
/// MPI_Irecv at once). Between two stages both ends list their transfers in the same order. Lists are free of
/// deadlock even when every group blocks until all its transfers met their counterparts; they are as fast as the
/// schedule can be when a group is started without waiting, groups of a stage complete in order, and a compute
/// waits only for the group that brings its input (a send's buffer is kept until its group completed).
/// A chunk whose neighbour is on the same stage (stages = 1) hands over without a transfer.
StageActions make_schedule(const Plan& plan, int stage);

/// All stages at once; make_schedule is one of these.
std::vector<StageActions> make_schedules(const Plan& plan);

/// "F3.0 [>A3.0→1 <G5.1←1] B…": for tests and error messages.
std::string to_string(const Action& action);

}  // namespace trireme::schedule
