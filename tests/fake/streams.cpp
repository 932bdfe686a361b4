#include "tests/fake/streams.hpp"

#include "base/error.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {

namespace {

void join(Clock& clock, const Clock& other) {
  for (const auto& [stream, number] : other) clock[stream] = std::max(clock[stream], number);
}

bool any_touches(const std::vector<Range>& some, const std::vector<Range>& others) {
  for (const Range& a : some) {
    for (const Range& b : others) {
      if (a.touches(b)) return true;
    }
  }
  return false;
}

}  // namespace

int Streams::make(int rank, int device, bool blocking, bool legacy) {
  const int id = next_++;
  Stream& stream = streams_[id];
  stream.id = id;
  stream.rank = rank;
  stream.device = device;
  stream.blocking = blocking;
  stream.legacy = legacy;
  return id;
}

Stream* Streams::find(int id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : &found->second;
}

Stream& Streams::legacy(int rank, int device) {
  auto [found, added] = legacy_.try_emplace({rank, device}, 0);
  if (added) found->second = make(rank, device, true, true);
  return streams_.at(found->second);
}

bool Streams::over(const Position& position) const {
  const auto found = streams_.find(position.stream);
  return found == streams_.end() || found->second.completed >= position.number;
}

bool Streams::in_use(const Range& range) const {
  for (const auto& [id, stream] : streams_) {
    for (const Operation& queued : stream.queue) {
      if (any_touches({range}, queued.reads) || any_touches({range}, queued.writes)) return true;
    }
  }
  return false;
}

void Streams::check_access(State& state, const Stream& stream, const Operation& operation) const {
  for (const auto& [id, other] : streams_) {
    if (id == stream.id) continue;
    const auto known = operation.clock.find(id);
    const std::uint64_t before = known == operation.clock.end() ? 0 : known->second;
    for (const Operation& queued : other.queue) {
      if (queued.number <= before) continue;
      if (any_touches(operation.writes, queued.writes) || any_touches(operation.writes, queued.reads) ||
          any_touches(operation.reads, queued.writes)) {
        state.report(base::str(operation.text, " on stream ", stream.id, " and ", queued.text, " on stream ", id,
                               " use the same memory in no order"));
      }
    }
  }
}

Position Streams::add(State& state, Stream& stream, Operation operation) {
  // The legacy default stream runs after all blocking streams' work, and they run after its work.
  for (auto& [id, other] : streams_) {
    const bool ordered = id != stream.id && other.rank == stream.rank && other.device == stream.device &&
                         other.blocking && stream.blocking && (stream.legacy || other.legacy);
    if (!ordered || other.issued == 0) continue;
    operation.after.push_back({id, other.issued});
    join(operation.clock, other.clock);
  }
  for (const Position& position : operation.after) {
    std::uint64_t& known = operation.clock[position.stream];
    known = std::max(known, position.number);
  }
  operation.number = ++stream.issued;
  join(stream.clock, operation.clock);
  stream.clock[stream.id] = operation.number;
  operation.clock = stream.clock;
  check_access(state, stream, operation);
  for (const Range& range : operation.writes) {
    if (any_touches({range}, operation.reads) || in_use(range)) continue;
    fill_bytes(const_cast<char*>(range.begin), kNothing, range.bytes);
  }
  stream.queue.push_back(std::move(operation));
  state.change();
  return {stream.id, stream.issued};
}

std::vector<Position> Streams::ends(int rank, int device) const {
  std::vector<Position> result;
  for (const auto& [id, stream] : streams_) {
    if (stream.rank == rank && stream.device == device) result.push_back({id, stream.issued});
  }
  return result;
}

}  // namespace trireme::fake
