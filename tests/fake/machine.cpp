// What tests hold: the machine and its ranks' threads.
#include <algorithm>
#include <thread>

#include "base/error.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {

Machine::Machine(const Options& options) : state_(std::make_shared<State>(options)) {
  const std::lock_guard lock(global_mutex());
  ++machines_made();
  global_state() = state_;
}

Machine::~Machine() {
  std::unique_lock lock(global_mutex());
  state_->dead = true;
  state_->quiet = true;
  state_->change();
  state_->changed.wait(lock, [&] { return state_->inside == 0; });
  global_state().reset();
}

namespace {

void enter_rank(State& state, std::unique_lock<std::mutex>& lock, int rank) {
  HostThread& thread = this_thread();
  thread = {};
  thread.machine = machines_made();
  thread.number = state.next_thread++;
  thread.rank = rank;
  thread.takes_turns = true;
  state.thread_ranks[thread.number] = rank;
  state.changed.wait(lock, [&] { return state.turn == rank || state.dead; });
}

/// What ranks left behind.
void report_leaks(State& state) {
  for (const auto& [begin, allocation] : state.memory.all()) {
    state.report(base::str("rank ", allocation.rank, " left ", allocation.bytes, " bytes allocated on device ",
                           allocation.device));
  }
  for (const auto& [begin, pinned] : state.memory.pinned()) {
    state.report(base::str("rank ", pinned.rank, " left ", pinned.bytes, " bytes of host memory registered"));
  }
  for (const auto& [id, stream] : state.streams.all()) {
    if (!stream.legacy && !stream.destroyed) state.report(base::str("rank ", stream.rank, " left stream ", id));
  }
  if (!state.streams.events.empty()) state.report(base::str("ranks left ", state.streams.events.size(), " events"));
  for (const auto& [id, comm] : state.nccl.comms) {
    if (comm.usable()) state.report(base::str("rank ", comm.owner, " left communicator ", comm.name));
  }
}

}  // namespace

std::vector<std::string> Machine::run(int ranks, const std::function<void(int rank)>& body) {
  State& state = *state_;
  std::vector<std::string> errors(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(global_mutex());
    state.ranks.assign(static_cast<std::size_t>(ranks), {});
    state.board_rounds.assign(static_cast<std::size_t>(ranks), 0);
    state.board.clear();
    state.turn = state.below(ranks);
  }
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      {
        std::unique_lock lock(global_mutex());
        enter_rank(state, lock, rank);
      }
      try {
        body(rank);
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(rank)] = error.what();
      }
      const std::lock_guard lock(global_mutex());
      state.ranks[static_cast<std::size_t>(rank)].finished = true;
      state.change();
      for (int next = 0; next < ranks; ++next) {
        if (!state.ranks[static_cast<std::size_t>(next)].finished) state.turn = next;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::lock_guard lock(global_mutex());
  report_leaks(state);
  return errors;
}

void Machine::broadcast(void* data, std::size_t bytes) {
  Entry entry(Entry::Context::kNone);
  if (!entry.alive()) return;
  State& state = entry.state();
  const auto rank = static_cast<std::size_t>(entry.thread().rank);
  const int round = state.board_rounds[rank]++;
  const std::size_t begin = state.board_offsets.size() > static_cast<std::size_t>(round)
                                ? state.board_offsets[static_cast<std::size_t>(round)]
                                : state.board.size();
  if (rank == 0) {
    state.board_offsets.push_back(begin);
    state.board.insert(state.board.end(), static_cast<char*>(data), static_cast<char*>(data) + bytes);
    state.change();
    return;
  }
  const bool there = state.wait(entry.lock(), "rank 0's broadcast", nullptr,
                                [&] { return state.board_offsets.size() > static_cast<std::size_t>(round); });
  if (there) copy_bytes(data, state.board.data() + state.board_offsets[static_cast<std::size_t>(round)], bytes);
}

void Machine::join_rank(int rank) {
  Entry entry(Entry::Context::kNone);
  entry.adopt(rank);
}

void Machine::while_away(const std::function<void()>& action) {
  const auto rank = static_cast<std::size_t>(this_thread().rank);
  {
    const std::lock_guard lock(global_mutex());
    state_->ranks[rank].away = true;
    const int next = state_->next_rank(this_thread().rank);
    if (next >= 0) state_->turn = next;
    state_->change();
  }
  action();
  std::unique_lock lock(global_mutex());
  state_->ranks[rank].away = false;
  state_->change();
  state_->changed.wait(lock, [&] { return state_->turn == this_thread().rank || state_->dead; });
}

void Machine::wait_until(const std::string& what, const std::function<bool()>& condition) {
  Entry entry(Entry::Context::kNone);
  if (entry.alive()) entry.state().wait(entry.lock(), what, nullptr, condition);
}

void Machine::wake() {
  const std::lock_guard lock(global_mutex());
  state_->change();
}

void Machine::release() {
  const std::lock_guard lock(global_mutex());
  state_->released = true;
  state_->change();
}

void Machine::hang_next_kernel(int rank) {
  const std::lock_guard lock(global_mutex());
  state_->injections[rank].hang_kernel = true;
}

void Machine::fail_next_kernel(int rank, ncclResult_t code, const std::string& text) {
  const std::lock_guard lock(global_mutex());
  state_->injections[rank].kernel_error = code;
  state_->injections[rank].text = text;
}

void Machine::fail_communicators(int rank, ncclResult_t code, const std::string& text) {
  const std::lock_guard lock(global_mutex());
  for (auto& [id, comm] : state_->nccl.comms) {
    if (comm.owner == rank) comm.error = code;
  }
  state_->nccl.last_error = text;
  state_->change();
}

void Machine::fail_next_launch(int rank, ncclResult_t code, const std::string& text) {
  const std::lock_guard lock(global_mutex());
  state_->injections[rank].launch_error = code;
  state_->injections[rank].text = text;
}

void Machine::hang_aborts(int rank) {
  const std::lock_guard lock(global_mutex());
  state_->injections[rank].hang_abort = true;
}

void Machine::end_processes() {
  const std::lock_guard lock(global_mutex());
  state_->dead = true;
  state_->quiet = true;
  state_->change();
}

std::vector<std::string> Machine::findings() const {
  const std::lock_guard lock(global_mutex());
  return state_->findings;
}

std::set<int> Machine::contexts(int rank) const {
  const std::lock_guard lock(global_mutex());
  std::set<int> devices;
  for (const auto& [thread, device] : state_->thread_devices) {
    const auto owner = state_->thread_ranks.find(thread);
    if (owner != state_->thread_ranks.end() && owner->second == rank) devices.insert(device);
  }
  return devices;
}

int Machine::threads_started(int rank) const {
  const std::lock_guard lock(global_mutex());
  const auto found = state_->threads_started.find(rank);
  return found == state_->threads_started.end() ? 0 : found->second;
}

std::vector<std::string> Machine::endings(int rank) const {
  const std::lock_guard lock(global_mutex());
  const auto found = state_->endings.find(rank);
  return found == state_->endings.end() ? std::vector<std::string>() : found->second;
}

int Machine::streams_used(int rank) const {
  const std::lock_guard lock(global_mutex());
  int count = 0;
  for (const auto& [id, stream] : state_->streams.all()) count += stream.rank == rank && stream.nccl ? 1 : 0;
  return count;
}

}  // namespace trireme::fake
