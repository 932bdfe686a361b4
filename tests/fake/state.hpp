// What the fakes' sources share: one lock for everything, turns, and waits that notice deadlocks.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/fake/fake.hpp"
#include "tests/fake/memory.hpp"
#include "tests/fake/nccl_state.hpp"
#include "tests/fake/streams.hpp"

namespace trireme::fake {

/// What a host thread carries. A thread without a rank (-1) is a helper; it gets the rank of the first handle it uses.
struct HostThread {
  std::uint64_t machine = 0;  ///< which Machine the rest belongs to
  int number = 0;
  int rank = -1;
  bool takes_turns = false;
  int device = 0;
  int group_depth = 0;
  std::vector<Call> group;
  std::vector<int> group_aborts;  ///< communicators aborted inside the group
};
HostThread& this_thread();

/// Where a rank's own thread is.
struct RankPlace {
  bool finished = false;
  bool away = false;  ///< a thread of its own works for it
  bool waiting = false;
  std::uint64_t seen = 0;  ///< state version at which it found nothing to do
  std::string what;        ///< what it waits for
  int idle_polls = 0;      ///< queries in a row that found the same version
  bool stuck(std::uint64_t version) const {
    return finished || (waiting && seen == version) || (idle_polls > kManyPolls && seen == version);
  }
  static constexpr int kManyPolls = 300;
};

struct Injections {
  bool hang_kernel = false;
  bool hang_abort = false;
  ncclResult_t kernel_error = ncclSuccess;
  ncclResult_t launch_error = ncclSuccess;
  std::string text;
};

struct State {
  explicit State(const Options& options) : options(options), random(options.seed) {}

  Options options;
  std::mt19937 random;
  std::condition_variable changed;
  std::uint64_t version = 1;
  bool dead = false;      ///< after a deadlock or end_processes(): every call fails
  bool quiet = false;     ///< nothing is reported any more
  bool released = false;  ///< by Machine::release()
  std::string deadlock;
  int inside = 0;  ///< threads in a call
  int next_thread = 0;
  int turn = -1;
  std::vector<RankPlace> ranks;
  std::vector<std::string> findings;
  std::map<int, Injections> injections;
  std::map<int, std::vector<std::string>> endings;
  std::map<int, int> threads_started;
  std::map<int, int> thread_ranks;               ///< thread number -> rank
  std::set<std::pair<int, int>> thread_devices;  ///< (thread number, device) with a context
  std::vector<char> board;                       ///< what rank 0 has broadcast
  std::vector<std::size_t> board_offsets;        ///< where each broadcast begins
  std::vector<int> board_rounds;

  Memory memory;
  Streams streams;
  Nccl nccl;

  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }
  bool chance(int one_in) { return below(one_in) == 0; }
  void report(const std::string& text);
  /// Something changed that waiting threads may wait for.
  void change();

  /// Lets another rank run now and then.
  void take_turns(std::unique_lock<std::mutex>& lock);
  /// Blocks until done(). `wanted` says which operations of streams that needs. Returns false when the machine is dead.
  bool wait(std::unique_lock<std::mutex>& lock, const std::string& what,
            const std::function<std::vector<Position>()>& wanted, const std::function<bool()>& done);
  /// A query that found nothing new; after many of them the rank counts as waiting.
  void idle_poll(const std::string& what);
  /// Runs one operation that `wanted` needs, drawn by the seed; false: none can run.
  bool progress(const std::vector<Position>& wanted);
  /// Draws a rank that can go on, other than `after`; -1: there is none.
  int next_rank(int after);

 private:
  bool all_stuck() const;
  void declare_deadlock();
};

/// One call of a fake function: the lock, the state, this rank's turn, and the context that the call makes.
class Entry {
 public:
  enum class Context { kMakes, kNone };
  explicit Entry(Context context = Context::kMakes);
  ~Entry();
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  /// False when no machine exists or it is dead: return an error.
  bool alive() const { return state_ != nullptr && !state_->dead; }
  State& state() { return *state_; }
  HostThread& thread() { return this_thread(); }
  std::unique_lock<std::mutex>& lock() { return lock_; }
  /// A helper thread that uses a handle of `rank` belongs to it.
  void adopt(int rank);
  void make_context();

 private:
  std::unique_lock<std::mutex> lock_;
  std::shared_ptr<State> state_;
};

/// Number of the machine that exists, for what threads carry.
std::uint64_t& machines_made();
std::mutex& global_mutex();
std::shared_ptr<State>& global_state();

}  // namespace trireme::fake
