#include "collectives/mpi/watchdog.hpp"

#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "collectives/mpi/context.hpp"
#include "collectives/mpi/mail.hpp"
#include "collectives/mpi/world_state.hpp"
#include "collectives/ops/diagnosis.hpp"

namespace trireme::collectives {

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kHostBytes = 256;
// Messages. A query is one byte, before a report. A question begins with its number, and so does the reply to it.
constexpr int kQuery = 1;
constexpr int kAnswer = 2;
constexpr int kQuestion = 3;
constexpr int kReply = 4;
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

/// Ranks that another part of the program wants to hear of.
struct Question {
  std::uint64_t number = 0;
  std::vector<RankState> states;
  std::promise<std::vector<RankState>> promise;
  Clock::time_point until;
};

std::string with_number(std::uint64_t number, const std::string& text = {}) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes + text;
}

std::uint64_t number_of(const std::string& bytes) {
  std::uint64_t number = 0;
  if (bytes.size() >= sizeof(number)) std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

}  // namespace

class Watchdog::Thread {
 public:
  Thread(MpiWorld& world, const Options& options) : world_(world), options_(options) {
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &handle_), "duplicating the world", "watchdog");
    check_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "setting the error handler", "watchdog");
    mail_.emplace(handle_);
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
    for (auto* questions : {&asked_, &open_}) {
      for (Question& question : *questions) question.promise.set_value({});
    }
    mail_.reset();
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

  std::future<std::vector<RankState>> ask(const std::vector<int>& ranks) {
    Question question;
    for (const int rank : ranks) {
      RankState& state = question.states.emplace_back();
      state.rank = rank;
      state.host = hosts_.at(static_cast<std::size_t>(rank));
    }
    auto answers = question.promise.get_future();
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(std::move(question));
    }
    wake_.notify_all();
    return answers;
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

  /// Sleeps until the next look, or until somebody asks. Returns as sleep() does.
  bool sleep_or_be_asked() {
    const Seconds duration = open_.empty() ? Seconds(options_.poll_seconds) : kFastPoll;
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, duration, [this] { return stopping_ || !asked_.empty(); });
    return !stopping_;
  }

  void run() {
    try {
      watch();
    } catch (const std::exception& error) {
      world_.abort_with(std::string("the watchdog failed: ") + error.what(), 1);
    }
  }

  void watch() {
    while (sleep_or_be_asked()) {
      answer_queries();
      send_questions();
      hear_replies();
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
    mail_->collect(kQuery, [this](int peer, const std::string&) {
      last_query_ = Clock::now();
      mail_->send(peer, kAnswer, serialize(own_state()));
    });
    mail_->collect(kQuestion, [this](int peer, const std::string& bytes) {
      mail_->send(peer, kReply, with_number(number_of(bytes), serialize(own_state())));
    });
  }

  void send_questions() {
    std::list<Question> fresh;
    {
      const std::lock_guard lock(mutex_);
      fresh.swap(asked_);
    }
    const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(options_.answer_seconds));
    for (Question& question : fresh) {
      question.number = ++questions_;
      question.until = until;
      for (const RankState& state : question.states) mail_->send(state.rank, kQuestion, with_number(question.number));
    }
    open_.splice(open_.end(), fresh);
  }

  void hear_replies() {
    mail_->collect(kReply, [this](int peer, const std::string& bytes) {
      const auto question = std::ranges::find(open_, number_of(bytes), &Question::number);
      if (question == open_.end()) return;  // it came too late
      const auto state = std::ranges::find(question->states, peer, &RankState::rank);
      if (state != question->states.end()) *state = parse_rank_state(bytes.substr(sizeof(std::uint64_t)));
    });
    std::erase_if(open_, [now = Clock::now()](Question& question) {
      if (now < question.until && !std::ranges::all_of(question.states, &RankState::answered)) return false;
      question.promise.set_value(std::move(question.states));
      return true;
    });
  }

  void ask_all() {
    for (int peer = 0; peer < world_.size(); ++peer) {
      if (peer != world_.rank()) mail_->send(peer, kQuery, "?");
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
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(Seconds(options_.answer_seconds));
    while (expected > 0 && Clock::now() < end && sleep(kFastPoll)) {
      answer_queries();
      mail_->collect(kAnswer, [&](int peer, const std::string& bytes) {
        states[static_cast<std::size_t>(peer)] = parse_rank_state(bytes);
        --expected;
      });
    }
    return states;
  }

  void report(const View& before) {
    ask_all();
    const std::vector<RankState> states = hear_all();
    const View now = view();
    if (now.last_beat != before.last_beat || stopped()) return;  // it went on after all
    const Diagnosis found = diagnose(states, now.limit_seconds, options_.answer_seconds);
    world_.abort_with(found.text, 1, found.host);
  }

  bool stopped() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  MpiWorld& world_;
  Options options_;
  MPI_Comm handle_ = MPI_COMM_NULL;
  std::vector<std::string> hosts_;
  std::optional<Mail> mail_;
  std::list<Question> open_;  ///< questions that wait for replies
  std::uint64_t questions_ = 0;
  Clock::time_point last_query_{};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::list<Question> asked_;  ///< questions that are not sent yet
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

std::future<std::vector<RankState>> Watchdog::ask(const std::vector<int>& ranks) {
  if (thread_) return thread_->ask(ranks);
  std::promise<std::vector<RankState>> nothing;
  nothing.set_value({});
  return nothing.get_future();
}

void Watchdog::stop() { thread_.reset(); }

}  // namespace trireme::collectives
