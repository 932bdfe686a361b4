// Notices that NCCL fails or hangs, and ends it. Only for the sources of libtrireme_cuda.so.
#pragma once

#include <nccl.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "collectives/nccl/peer_question.hpp"
#include "collectives/nccl/streams.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// An operation that was launched: two events enclose it on its stream.
struct Launched {
  Operation operation;
  std::uint64_t number;
  std::shared_ptr<Event> begin;
  std::shared_ptr<Event> end;
  DeviceProgress until;                        ///< the group's, once the operation has begun
  std::uint64_t order = 0;                     ///< among those of all groups, as the host issued them; set by the watch
  std::optional<double> begun = std::nullopt;  ///< when the watch first saw it begun
  std::optional<PeerQuestion> question = std::nullopt;  ///< once it is past its limit
};

/// One thread for all NCCL communicators of a rank. Their calls block (a non-blocking ncclGroupEnd starts a thread each
/// time), so somebody else has to look: every poll_seconds the thread asks each communicator for an asynchronous error
/// and its oldest unfinished operation for its events.
///
/// What is a hang? An operation begins when its stream has come to it and all that the host issued before it have begun
/// (NCCL starts them in that order), not when the host issues it: a rank whose own compute is late has begun nothing,
/// however long that takes. Each look publishes in the group's trace what has begun. An operation that is past its
/// limit is a hang once every peer has been at it for longer than the limit, or when a peer does not answer; a late
/// peer is none, and who judges a rank that never comes is the watchdog over MPI, which knows steps and names the
/// missing. Without `ask` this rank cannot tell a peer that computes from a network that is gone: there the limit
/// counts from its own beginning. A call that blocks the host (the first operation between two ranks connects them)
/// counts from the moment of the call.
///
/// On a failure the thread aborts all communicators of this rank, in one group: one that hangs would hold up the
/// release of the others. Then it calls end_job, if there is one; without one the error is thrown by whatever uses a
/// communicator next. A call that no handle can abort (set-up, split, closing), or an abort that itself hangs for
/// abort_seconds, leaves only end_job; without one the process prints the error and ends.
class Watch {
 public:
  struct Options {
    int device = 0;
    double limit_seconds = 600;
    double poll_seconds = 0.5;
    double abort_seconds = 10;
    std::function<double()> now;  ///< seconds of a clock that never goes back; empty = the steady clock
    std::function<void(const std::string& message)> end_job;
    AskRanks ask;  ///< may be empty
  };

  /// A communicator under watch.
  struct Group {
    std::string name;
    std::shared_ptr<GroupTrace> trace;  ///< null until the ranks are known
    int own = 0;                        ///< this rank in the group
    ncclComm_t comm = nullptr;          ///< null: set-up is not complete, or closed, or aborted
    std::deque<Launched> launched;
    const char* call = nullptr;     ///< the call that the host is in; null = none
    std::uint64_t call_number = 0;  ///< of the operation, 0 = none
    double call_since = 0;          ///< when it began
    bool call_can_be_aborted = false;
    DeviceProgress call_until;  ///< of the operation
    std::optional<PeerQuestion> call_question;
    DeviceProgress begun;
    double begun_at = 0;  ///< when the newest of them was seen
  };

  explicit Watch(Options options);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  std::shared_ptr<Group> open(const std::string& name);
  /// Set-up is complete: `comm` may be aborted.
  void made(Group& group, ncclComm_t comm);
  void name_ranks(Group& group, std::shared_ptr<GroupTrace> trace, int own);
  void launched(Group& group, Launched operation);
  /// Ends the watch over a group before it is destroyed: afterwards nobody aborts it.
  void close(Group& group);

  enum class Handle {
    kNone,    ///< no handle of the group can abort the call
    kAborts,  ///< its handle can
    kClosed,  ///< the call ends the handle: from its beginning on nobody may abort it
  };

  /// Encloses a call that may block the host. `what` must outlive it; `number` and `until`: of an operation. After a
  /// failure the constructor throws as check() does. So no call begins on a communicator that is being aborted; one
  /// that was under way may end first, unless it blocks.
  class Call {
   public:
    Call(Watch& watch, Group& group, const char* what, Handle handle, std::uint64_t number = 0,
         const DeviceProgress& until = {});
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Watch& watch_;
    Group& group_;
  };

  /// Throws base::Error with the failure, if there was one, once everything is aborted.
  void check();
  /// Reports a failure that the caller met: aborts all communicators, then throws the first failure of this rank.
  [[noreturn]] void fail(const std::string& message);
  /// Aborts all communicators because an error unwinds the stack. Never throws.
  void abandon() noexcept;

 private:
  struct Failure {
    std::string message;
    bool can_be_aborted = true;
  };

  void run();
  std::optional<Failure> look();
  std::optional<Failure> look_at(Group& group, double time, std::uint64_t first_waiting);
  /// The order of the group's first operation that its stream has not come to.
  static std::uint64_t first_waiting(const Group& group);
  /// Takes the operations away that have ended.
  void retire(Group& group) const;
  static void publish(const Group& group, double time);
  /// Why what is past its limit since `since` is a hang; nothing while it may be none.
  std::optional<std::string> why_hung(const Group& group, std::optional<PeerQuestion>& question,
                                      const DeviceProgress& until, double since, double time) const;
  /// Whether this thread is the first to report; then it must call settle().
  bool claim(const std::string& message);
  void settle(const Failure& failure, bool throws);
  bool abort_all();
  void check(std::unique_lock<std::mutex>& lock);
  double now() const;

  Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::shared_ptr<Group>> groups_;
  std::uint64_t issued_ = 0;
  double last_look_ = 0;
  bool stopping_ = false;
  std::atomic<bool> failed_{false};
  bool settled_ = false;
  std::string message_;
  std::thread thread_;
};

/// "group dp (ranks 0 1 2 3)".
std::string describe_group(const Watch::Group& group);

}  // namespace trireme::collectives
