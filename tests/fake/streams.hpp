// Streams, their queued operations, and events.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fake/memory.hpp"

namespace trireme::fake {

struct State;

/// A stream's operations up to and including a number.
struct Position {
  int stream = 0;
  std::uint64_t number = 0;
};

/// For each stream, up to which number its operations are known to be over before.
using Clock = std::map<int, std::uint64_t>;

struct Operation {
  std::string text;
  std::vector<Position> after;
  std::vector<Range> reads;
  std::vector<Range> writes;
  /// Asked when everything before is over: whether the operation can end now. Adds what it needs of other streams.
  /// Empty = yes.
  std::function<bool(std::vector<Position>& needs)> ready;
  std::function<void()> complete;
  /// Says why the operation cannot end, for the report of a deadlock.
  std::function<std::string()> waits_for;
  std::uint64_t number = 0;
  Clock clock;
};

struct Stream {
  int id = 0;
  int rank = -1;
  int device = 0;
  bool blocking = true;  ///< ordered with the legacy default stream
  bool legacy = false;
  bool destroyed = false;
  bool nccl = false;  ///< NCCL launched something on it
  std::uint64_t issued = 0;
  std::uint64_t completed = 0;
  std::deque<Operation> queue;
  Clock clock;
};

struct Event {
  int rank = -1;
  int device = 0;
  std::optional<Position> position;
  Clock clock;
};

class Streams {
 public:
  int make(int rank, int device, bool blocking, bool legacy = false);
  Stream* find(int id);
  /// The default stream of a rank on a device; made when first asked for.
  Stream& legacy(int rank, int device);
  bool over(const Position& position) const;
  /// Puts an operation at the end of a stream. Reports accesses that are not ordered with those of queued operations,
  /// and fills what is to be written with nothing where no queued operation uses it.
  Position add(State& state, Stream& stream, Operation operation);
  /// The ends of all streams of a rank on a device.
  std::vector<Position> ends(int rank, int device) const;
  std::map<int, Stream>& all() { return streams_; }

  std::map<int, Event> events;
  int next_event = 1;

 private:
  void check_access(State& state, const Stream& stream, const Operation& operation) const;
  bool in_use(const Range& range) const;

  std::map<int, Stream> streams_;
  std::map<std::pair<int, int>, int> legacy_;
  int next_ = 1;
};

}  // namespace trireme::fake
