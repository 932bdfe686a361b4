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

/// One action. kForward and kBackward use chunk (global number) and micro_batch; kExchange uses transfers.
struct Action {
  ActionKind kind = ActionKind::kForward;
  int chunk = 0;
  int micro_batch = 0;
  std::vector<Transfer> transfers;

  bool operator==(const Action&) const = default;
};

using StageActions = std::vector<Action>;

/// The pipeline that a schedule is made for. Chunk c of stages * chunks lives on stage c % stages.
struct Plan {
  ScheduleKind kind = ScheduleKind::kOneForwardOneBackward;
  int stages = 1;
  int chunks = 1;         ///< per stage
  int micro_batches = 1;  ///< per optimizer step and data-parallel replica
};

/// Throws base::InputError in a sentence when no such schedule exists: 1f1b with several chunks, or interleaved with
/// micro_batches that are not a multiple of stages.
void check(const Plan& plan);

/// Returns what `stage` does in one step, in order. Throws as check() does.
///
/// The transfers of an Exchange are started together: all MPI_Isend and MPI_Irecv at once, or on GPUs one NCCL group
/// for each link. Both ends of a link list their transfers in the same order. The lists cannot deadlock even when every
/// group blocks until all its transfers have met their counterparts. They are as fast as the schedule allows when a
/// group is started without waiting, and a compute waits only for the group
/// that brings its input (a send's buffer is kept until its group has completed). Between chunks on the same stage
/// (stages = 1) there is no transfer.
StageActions make_schedule(const Plan& plan, int stage);

/// Returns the lists of all stages; make_schedule() returns one of these.
std::vector<StageActions> make_schedules(const Plan& plan);

/// "F3.0 [>A3.0→1 <G5.1←1] B…", for tests and error messages.
std::string to_string(const Action& action);

}  // namespace trireme::schedule
