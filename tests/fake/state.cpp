#include "tests/fake/state.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/error.hpp"

namespace trireme::fake {

namespace {

std::uint64_t& machines_made() {
  static std::uint64_t count = 0;
  return count;
}

}  // namespace

std::mutex& global_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::shared_ptr<State>& global_state() {
  static std::shared_ptr<State> state;
  return state;
}

HostThread& this_thread() {
  static thread_local HostThread thread;
  return thread;
}

void State::report(const std::string& text) {
  if (!quiet) findings.push_back(text);
}

void State::change() {
  ++version;
  changed.notify_all();
}

int State::next_rank(int after) {
  std::vector<int> able;
  for (int rank = 0; rank < std::ssize(ranks); ++rank) {
    const RankPlace& place = ranks[static_cast<std::size_t>(rank)];
    if (rank != after && !place.away && !place.stuck(version)) able.push_back(rank);
  }
  return able.empty() ? -1 : able[static_cast<std::size_t>(below(static_cast<int>(able.size())))];
}

bool State::all_stuck() const {
  return std::all_of(ranks.begin(), ranks.end(), [&](const RankPlace& place) { return place.stuck(version); });
}

void State::take_turns(std::unique_lock<std::mutex>& lock) {
  const HostThread& thread = this_thread();
  if (!thread.takes_turns || dead) return;
  const int other = chance(2) ? next_rank(thread.rank) : -1;
  if (other >= 0) {
    turn = other;
    changed.notify_all();
  }
  changed.wait(lock, [&] { return turn == thread.rank || dead; });
}

bool State::wait(std::unique_lock<std::mutex>& lock, const std::string& what,
                 const std::function<std::vector<Position>()>& wanted, const std::function<bool()>& done) {
  const HostThread& thread = this_thread();
  while (!dead) {
    nccl.advance_jobs(*this);
    if (done()) {
      if (thread.takes_turns) ranks[static_cast<std::size_t>(thread.rank)].waiting = false;
      return true;
    }
    if (wanted && progress(wanted())) continue;
    const std::uint64_t seen = version;
    if (!thread.takes_turns) {
      changed.wait(lock, [&] { return version != seen || dead; });
      continue;
    }
    RankPlace& place = ranks[static_cast<std::size_t>(thread.rank)];
    place.waiting = true;
    place.seen = seen;
    place.what = what;
    const int next = next_rank(thread.rank);
    if (next >= 0) {
      turn = next;
      changed.notify_all();
      changed.wait(lock, [&] { return turn == thread.rank || dead; });
      continue;
    }
    // All ranks wait. Only a thread beside them can change something.
    constexpr double kAway = 60;
    const std::chrono::duration<double> patience(all_stuck() ? options.patience_seconds : kAway);
    if (!changed.wait_for(lock, patience, [&] { return version != seen || dead; })) declare_deadlock();
  }
  return false;
}

void State::idle_poll(const std::string& what) {
  const HostThread& thread = this_thread();
  if (!thread.takes_turns || dead) return;
  RankPlace& place = ranks[static_cast<std::size_t>(thread.rank)];
  if (place.seen != version) place.idle_polls = 0;
  place.seen = version;
  place.what = what;
  ++place.idle_polls;
  if (options.patience_seconds == 0 && all_stuck()) declare_deadlock();
}

void State::declare_deadlock() {
  deadlock = "deadlock:";
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    deadlock += base::str("\n  rank ", rank, ranks[rank].finished ? " has ended" : " waits for " + ranks[rank].what);
  }
  for (const auto& [id, stream] : streams.all()) {
    if (stream.queue.empty()) continue;
    const Operation& head = stream.queue.front();
    deadlock += base::str("\n  stream ", id, " (rank ", stream.rank, ", device ", stream.device, ") holds ", head.text);
    for (const Position& before : head.after) {
      if (!streams.over(before)) deadlock += base::str("; waits for stream ", before.stream, " up to ", before.number);
    }
    if (head.waits_for) deadlock += "; " + head.waits_for();
  }
  report(deadlock);
  dead = true;
  quiet = true;
  change();
}

bool State::progress(const std::vector<Position>& wanted) {
  std::vector<Position> open = wanted;
  std::set<int> seen;
  std::vector<int> able;
  while (!open.empty()) {
    const Position position = open.back();
    open.pop_back();
    Stream* stream = streams.find(position.stream);
    if (stream == nullptr || streams.over(position) || stream->queue.empty() || !seen.insert(stream->id).second) {
      continue;
    }
    const Operation& head = stream->queue.front();
    bool held = false;
    for (const Position& before : head.after) {
      if (streams.over(before)) continue;
      open.push_back(before);
      held = true;
    }
    if (held) continue;
    std::vector<Position> needs;
    if (!head.ready || head.ready(needs)) {
      able.push_back(stream->id);
    } else {
      open.insert(open.end(), needs.begin(), needs.end());
    }
  }
  if (able.empty()) return false;
  Stream& stream = *streams.find(able[static_cast<std::size_t>(below(static_cast<int>(able.size())))]);
  const Operation operation = std::move(stream.queue.front());
  stream.queue.pop_front();
  stream.completed = operation.number;
  if (operation.complete) operation.complete();
  change();
  return true;
}

Entry::Entry(Context context) : lock_(global_mutex()), state_(global_state()) {
  if (!state_) return;
  ++state_->inside;
  HostThread& thread = this_thread();
  if (thread.machine != machines_made()) {
    thread = {};
    thread.machine = machines_made();
    thread.number = state_->next_thread++;
  }
  state_->take_turns(lock_);
  // Work may also run before anyone asks for it.
  if (alive() && thread.takes_turns && state_->chance(8)) {
    const auto& all = state_->streams.all();
    if (!all.empty()) {
      auto some = all.begin();
      std::advance(some, state_->below(static_cast<int>(all.size())));
      state_->progress({{some->first, some->second.issued}});
    }
  }
  if (context == Context::kMakes) make_context();
}

Entry::~Entry() {
  if (!state_) return;
  --state_->inside;
  if (state_->dead) state_->changed.notify_all();
}

void Entry::adopt(int rank) {
  HostThread& thread = this_thread();
  if (thread.rank >= 0) return;
  thread.rank = rank;
  state_->thread_ranks[thread.number] = rank;
}

void Entry::make_context() {
  if (alive()) state_->thread_devices.insert({this_thread().number, this_thread().device});
}

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
