#include "collectives/nccl/watch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <limits>

#include "base/error.hpp"
#include "base/log.hpp"
#include "collectives/nccl/checks.hpp"

namespace trireme::collectives {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr const char* kWhy =
    "; some rank of the group is missing or computes for longer than that, or the network between the nodes fails";

std::string text_of(const char* what, std::uint64_t number) {
  return number == 0 ? what : base::str(what, " ", number);
}

std::string text_of(const Launched& launched) { return text_of(name_of(launched.operation), launched.number); }

/// What a communicator is doing, for a message about it.
std::string doing(const Watch::Group& group) {
  if (group.call != nullptr) return text_of(group.call, group.call_number);
  return group.launched.empty() ? "communication" : text_of(group.launched.front());
}

}  // namespace

std::string describe_group(const Watch::Group& group) {
  constexpr std::size_t kShown = 16;
  std::string text = "group " + group.name;
  if (!group.trace) return text;
  const std::vector<int>& ranks = group.trace->ranks();
  text += " (ranks";
  for (std::size_t i = 0; i < ranks.size() && i < kShown; ++i) text += base::str(" ", ranks[i]);
  if (ranks.size() > kShown) text += base::str(" and ", ranks.size() - kShown, " more");
  return text + ")";
}

Watch::Watch(Options options) : options_(std::move(options)) {
  thread_ = std::thread([this] { run(); });
}

Watch::~Watch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

double Watch::now() const {
  if (options_.now) return options_.now();
  return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::shared_ptr<Watch::Group> Watch::open(const std::string& name) {
  auto group = std::make_shared<Group>();
  group->name = name;
  const std::lock_guard lock(mutex_);
  groups_.push_back(group);
  return group;
}

void Watch::made(Group& group, ncclComm_t comm) {
  const std::lock_guard lock(mutex_);
  group.comm = comm;
}

void Watch::name_ranks(Group& group, std::shared_ptr<GroupTrace> trace, int own) {
  const std::lock_guard lock(mutex_);
  group.trace = std::move(trace);
  group.own = own;
}

void Watch::launched(Group& group, Launched operation) {
  const std::lock_guard lock(mutex_);
  retire(group);
  operation.order = ++issued_;
  group.launched.push_back(std::move(operation));
}

void Watch::retire(Group& group) const {
  while (!group.launched.empty() && group.launched.front().end->reached()) {
    const Launched& ended = group.launched.front();
    group.begun.reach(ended.until);
    if (!ended.begun) group.begun_at = last_look_;  // it began after that
    group.launched.pop_front();
  }
}

void Watch::close(Group& group) {
  const std::lock_guard lock(mutex_);
  std::erase_if(groups_, [&](const auto& other) { return other.get() == &group; });
  group.comm = nullptr;
  group.launched.clear();
}

Watch::Call::Call(Watch& watch, Group& group, const char* what, Handle handle, std::uint64_t number,
                  const DeviceProgress& until)
    : watch_(watch), group_(group) {
  const double since = watch_.now();
  std::unique_lock lock(watch_.mutex_);
  watch_.check(lock);
  if (handle == Handle::kClosed) group_.comm = nullptr;
  group_.call = what;
  group_.call_number = number;
  group_.call_since = since;
  group_.call_can_be_aborted = handle == Handle::kAborts;
  group_.call_until = until;
  group_.call_question.reset();
}

Watch::Call::~Call() {
  const std::lock_guard lock(watch_.mutex_);
  group_.call = nullptr;
  group_.call_until = {};
  if (watch_.failed_) watch_.wake_.notify_all();
}

void Watch::run() {
  try {
    // Without it the first query would make a context on device 0.
    check_cuda(cudaSetDevice(options_.device), "choosing a device");
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, Seconds(options_.poll_seconds), [this] { return stopping_ || failed_; })) {
      lock.unlock();
      const std::optional<Failure> failure = look();
      if (failure && claim(failure->message)) settle(*failure, false);
      lock.lock();
    }
  } catch (const std::exception& error) {
    const std::string message = base::str("the watch over NCCL failed: ", base::failure_text(error));
    if (claim(message)) settle({message}, false);
  }
}

std::optional<Watch::Failure> Watch::look() {
  const std::lock_guard lock(mutex_);
  const double time = last_look_ = now();
  std::uint64_t first = std::numeric_limits<std::uint64_t>::max();
  for (const auto& group : groups_) first = std::min(first, first_waiting(*group));
  for (const auto& group : groups_) {
    try {
      if (auto failure = look_at(*group, time, first)) return failure;
    } catch (const std::exception& error) {
      return Failure{base::str(doing(*group), " of ", describe_group(*group), " failed: ", error.what())};
    }
  }
  return std::nullopt;
}

std::uint64_t Watch::first_waiting(const Group& group) {
  for (const Launched& one : group.launched) {
    try {
      if (!one.begun && !one.begin->reached()) return one.order;
    } catch (const std::exception&) {
      return one.order;  // look_at() meets the error too, and reports it
    }
  }
  return std::numeric_limits<std::uint64_t>::max();
}

std::optional<Watch::Failure> Watch::look_at(Group& group, double time, std::uint64_t first_waiting) {
  if (group.comm != nullptr) {
    ncclResult_t state = ncclSuccess;
    ncclResult_t code = ncclCommGetAsyncError(group.comm, &state);
    if (code == ncclSuccess) code = state;
    if (code != ncclSuccess && code != ncclInProgress) {
      return Failure{base::str(doing(group), " of ", describe_group(group), " failed: ", nccl_text(code))};
    }
  }
  for (Launched& one : group.launched) {
    if (one.order >= first_waiting) break;
    if (one.begun) continue;
    one.begun = group.begun_at = time;
    group.begun.reach(one.until);
  }
  retire(group);
  publish(group, time);
  if (group.call != nullptr && time - group.call_since > options_.limit_seconds) {
    if (const auto why = why_hung(group, group.call_question, group.call_until, group.call_since, time)) {
      return Failure{base::str(doing(group), " of ", describe_group(group), " did not complete in ",
                               options_.limit_seconds, " s", *why),
                     group.call_can_be_aborted};
    }
  }
  if (group.launched.empty()) return std::nullopt;
  Launched& oldest = group.launched.front();
  if (!oldest.begun || time - *oldest.begun <= options_.limit_seconds) return std::nullopt;
  const auto why = why_hung(group, oldest.question, oldest.until, *oldest.begun, time);
  if (!why) return std::nullopt;
  return Failure{base::str(text_of(oldest), " of ", describe_group(group), " has been running for ",
                           options_.limit_seconds, " s", *why)};
}

void Watch::publish(const Group& group, double time) {
  if (!group.trace) return;
  DeviceState state{group.begun, time - group.begun_at, {}, 0};
  if (group.call != nullptr) {
    state.calling = group.call_until;
    state.calling_seconds = time - group.call_since;
  }
  group.trace->set_device(state);
}

std::optional<std::string> Watch::why_hung(const Group& group, std::optional<PeerQuestion>& question,
                                           const DeviceProgress& until, double since, double time) const {
  const bool names_peers = group.trace && !(until == DeviceProgress{});
  if (!options_.ask || !names_peers) return kWhy;
  if (!question) question.emplace(group.trace, group.own, until, since);
  switch (question->look(time, options_.limit_seconds, options_.ask)) {
    case PeerQuestion::Verdict::kWait: return std::nullopt;
    case PeerQuestion::Verdict::kSilent: return base::str("; no answer from ", question->silent_text());
    case PeerQuestion::Verdict::kHang: break;
  }
  return "; all its ranks have come to it, so the network between them fails, or one of their devices";
}

bool Watch::claim(const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (failed_) return false;
  message_ = message;
  failed_ = true;
  return true;
}

void Watch::settle(const Failure& failure, bool throws) {
  // Whatever happens here, those that wait for the end of it go on.
  const std::shared_ptr<void> settled(nullptr, [this](void*) {
    const std::lock_guard lock(mutex_);
    settled_ = true;
    wake_.notify_all();
  });
  const bool aborted = failure.can_be_aborted && abort_all();
  std::string message = failure.message;
  if (failure.can_be_aborted && !aborted) {
    message += base::str("; and ncclCommAbort did not return in ", options_.abort_seconds, " s");
  }
  // A caller that throws ends the job in its own way, but it could not free device memory beside a kernel that hangs.
  if (!aborted || !throws) {
    if (options_.end_job) {
      options_.end_job(message);
    } else if (!aborted) {
      base::print_failure(message);
      std::_Exit(base::kExitFailed);
    }
  }
  const std::lock_guard lock(mutex_);
  message_ = message;
}

bool Watch::abort_all() {
  std::vector<ncclComm_t> comms;
  {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, Seconds(options_.poll_seconds), [this] {
      return std::none_of(groups_.begin(), groups_.end(), [](const auto& group) { return group->call != nullptr; });
    });
    for (const auto& group : groups_) {
      if (group->comm != nullptr) comms.push_back(group->comm);
      group->comm = nullptr;
    }
  }
  if (comms.empty()) return true;
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  const auto done = std::make_shared<Done>();
  std::thread helper([done, comms, device = options_.device] {
    cudaSetDevice(device);
    ncclGroupStart();
    for (ncclComm_t comm : comms) ncclCommAbort(comm);
    ncclGroupEnd();
    const std::lock_guard lock(done->mutex);
    done->done = true;
    done->changed.notify_all();
  });
  const double start = now();
  std::unique_lock lock(done->mutex);
  while (!done->changed.wait_for(lock, Seconds(options_.poll_seconds), [&] { return done->done; })) {
    if (now() - start <= options_.abort_seconds) continue;
    helper.detach();
    return false;
  }
  lock.unlock();
  helper.join();
  return true;
}

void Watch::check() {
  if (!failed_) return;
  std::unique_lock lock(mutex_);
  check(lock);
}

void Watch::check(std::unique_lock<std::mutex>& lock) {
  if (!failed_) return;
  wake_.wait(lock, [this] { return settled_; });
  throw base::Error(message_);
}

void Watch::fail(const std::string& message) {
  if (claim(message)) settle({message}, true);
  check();
  throw base::Error(message);
}

void Watch::abandon() noexcept {
  try {
    const std::string message = "another error of this rank ended its communicators";
    if (claim(message)) {
      settle({message}, true);
    } else {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return settled_; });
    }
  } catch (const std::exception& error) {
    base::print_failure(base::failure_text(error));
  }
}

}  // namespace trireme::collectives
