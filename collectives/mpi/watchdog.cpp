#include "collectives/mpi/watchdog.hpp"

#include <mpi.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "collectives/mpi/context.hpp"
#include "collectives/mpi/world_state.hpp"
#include "collectives/ops/diagnosis.hpp"

namespace trireme::collectives {

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kHostBytes = 256;
constexpr int kQuery = 1;
constexpr int kAnswer = 2;
/// How often to look while waiting for answers.
constexpr Seconds kFastPoll{0.005};

const char* text_of(Watchdog::Phase phase) {
  switch (phase) {
    case Watchdog::Phase::kNone: return "none";
    case Watchdog::Phase::kStart: return "start";
    case Watchdog::Phase::kLoad: return "load";
    case Watchdog::Phase::kStep: return "step";
  }
  return "?";
}

/// A message that is being sent or received, and its bytes.
struct Message {
  std::string bytes;
  MPI_Request request = MPI_REQUEST_NULL;
  int peer = 0;
};

bool complete(Message& message) {
  int flag = 0;
  return MPI_Test(&message.request, &flag, MPI_STATUS_IGNORE) == MPI_SUCCESS && flag != 0;
}

}  // namespace

class Watchdog::Thread {
 public:
  Thread(MpiWorld& world, const Options& options) : world_(world), options_(options) {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &handle_), "duplicating the world", "watchdog");
    check_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "setting the error handler", "watchdog");
    gather_hosts();
    thread_ = std::thread([this] { run(); });
  }

  ~Thread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    if (mpi_is_running() && std::uncaught_exceptions() == 0) MPI_Comm_free(&handle_);
  }

  void phase(Phase phase, double limit_seconds) {
    const std::lock_guard lock(mutex_);
    phase_ = phase;
    limit_seconds_ = phase == Phase::kNone ? 0 : limit_seconds;
    last_beat_ = Clock::now();
  }

  void beat(std::int64_t step) {
    const std::lock_guard lock(mutex_);
    step_ = step;
    last_beat_ = Clock::now();
  }

 private:
  struct View {
    Phase phase;
    std::int64_t step;
    double limit_seconds;
    Clock::time_point last_beat;
  };

  View view() {
    const std::lock_guard lock(mutex_);
    return {phase_, step_, limit_seconds_, last_beat_};
  }

  void gather_hosts() {
    std::vector<char> all(static_cast<std::size_t>(world_.size()) * kHostBytes);
    char own[kHostBytes] = {};
    world_.host().copy(own, kHostBytes - 1);
    check_mpi(MPI_Allgather(own, kHostBytes, MPI_BYTE, all.data(), kHostBytes, MPI_BYTE, handle_), "naming the hosts",
              "watchdog");
    for (std::size_t at = 0; at < all.size(); at += kHostBytes) hosts_.emplace_back(all.data() + at);
  }

  /// Returns false when the thread is to end.
  bool sleep(Seconds duration) {
    std::unique_lock lock(mutex_);
    return !wake_.wait_for(lock, duration, [this] { return stopping_; });
  }

  void run() {
    try {
      watch();
    } catch (const std::exception& error) {
      world_.abort_with(std::string("the watchdog failed: ") + error.what(), 1);
    }
  }

  void watch() {
    while (sleep(Seconds(options_.poll_seconds))) {
      answer_queries();
      const View now = view();
      // Lower ranks wait less, so a rank that is asked by a lower one leaves the report to it.
      const double patience = now.limit_seconds + 2 * options_.answer_seconds * world_.rank();
      const auto quiet_since = std::max(now.last_beat, last_query_);
      if (now.limit_seconds > 0 && Seconds(Clock::now() - quiet_since).count() > patience) report(now);
    }
  }

  RankState own_state() {
    const View now = view();
    return describe(world_.trace(), world_.rank(), world_.host(), text_of(now.phase), now.step);
  }

  void answer_queries() {
    std::erase_if(answers_, complete);
    while (true) {
      int found = 0;
      MPI_Status status;
      if (MPI_Iprobe(MPI_ANY_SOURCE, kQuery, handle_, &found, &status) != MPI_SUCCESS || found == 0) return;
      char query = 0;
      MPI_Recv(&query, 1, MPI_BYTE, status.MPI_SOURCE, kQuery, handle_, MPI_STATUS_IGNORE);
      last_query_ = Clock::now();
      Message& answer = answers_.emplace_back();
      answer.bytes = serialize(own_state());
      MPI_Isend(answer.bytes.data(), static_cast<int>(answer.bytes.size()), MPI_BYTE, status.MPI_SOURCE, kAnswer,
                handle_, &answer.request);
    }
  }

  void ask_all() {
    static constexpr char kByte = 0;
    for (int peer = 0; peer < world_.size(); ++peer) {
      if (peer == world_.rank()) continue;
      MPI_Request request = MPI_REQUEST_NULL;
      if (MPI_Isend(&kByte, 1, MPI_BYTE, peer, kQuery, handle_, &request) == MPI_SUCCESS) MPI_Request_free(&request);
    }
  }

  /// Collects the answers that arrive in time.
  std::vector<RankState> hear_all() {
    std::vector<RankState> states(static_cast<std::size_t>(world_.size()));
    for (int rank = 0; rank < world_.size(); ++rank) {
      states[static_cast<std::size_t>(rank)].rank = rank;
      states[static_cast<std::size_t>(rank)].host = hosts_.at(static_cast<std::size_t>(rank));
    }
    states[static_cast<std::size_t>(world_.rank())] = own_state();
    int expected = world_.size() - 1;
    std::list<Message> arriving;
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(options_.answer_seconds));
    while (expected > 0 && Clock::now() < end && sleep(kFastPoll)) {
      answer_queries();
      int found = 0;
      MPI_Status status;
      while (MPI_Iprobe(MPI_ANY_SOURCE, kAnswer, handle_, &found, &status) == MPI_SUCCESS && found != 0) {
        int length = 0;
        MPI_Get_count(&status, MPI_BYTE, &length);
        Message& message = arriving.emplace_back();
        message.peer = status.MPI_SOURCE;
        message.bytes.resize(static_cast<std::size_t>(length));
        MPI_Irecv(message.bytes.data(), length, MPI_BYTE, message.peer, kAnswer, handle_, &message.request);
      }
      std::erase_if(arriving, [&](Message& message) {
        if (!complete(message)) return false;
        states[static_cast<std::size_t>(message.peer)] = parse_rank_state(message.bytes);
        --expected;
        return true;
      });
    }
    return states;
  }

  void report(const View& before) {
    ask_all();
    const std::vector<RankState> states = hear_all();
    const View now = view();
    if (now.last_beat != before.last_beat || stopped()) return;  // it went on after all
    world_.abort_with(diagnose(states, now.limit_seconds, options_.answer_seconds), 1);
  }

  bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  MpiWorld& world_;
  Options options_;
  MPI_Comm handle_ = MPI_COMM_NULL;
  std::vector<std::string> hosts_;
  std::list<Message> answers_;
  Clock::time_point last_query_{};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  Phase phase_ = Phase::kNone;
  std::int64_t step_ = 0;
  double limit_seconds_ = 0;
  Clock::time_point last_beat_ = Clock::now();
  std::thread thread_;
};

Watchdog::Watchdog(MpiWorld& world) : Watchdog(world, Options{}) {}

Watchdog::Watchdog(MpiWorld& world, const Options& options) : thread_(std::make_unique<Thread>(world, options)) {}

Watchdog::~Watchdog() = default;

void Watchdog::phase(Phase phase, double limit_seconds) {
  if (thread_) thread_->phase(phase, limit_seconds);
}

void Watchdog::beat(std::int64_t step) {
  if (thread_) thread_->beat(step);
}

void Watchdog::stop() { thread_.reset(); }

}  // namespace trireme::collectives
