#include "tests/fake/state.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error.hpp"

namespace trireme::fake {

std::mutex& global_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::shared_ptr<State>& global_state() {
  static std::shared_ptr<State> state;
  return state;
}

std::uint64_t& machines_made() {
  static std::uint64_t count = 0;
  return count;
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

}  // namespace trireme::fake
