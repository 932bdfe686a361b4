// Ends a job when a rank fails. Failing ranks tell each other; the one that failed first prints its message.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "collectives/mpi/world_state.hpp"

namespace trireme::collectives {

namespace {

using Clock = std::chrono::system_clock;
using std::chrono::milliseconds;

/// How long a failing rank waits for the others to fail too.
constexpr milliseconds kGrace{1000};
/// How long a rank that failed later waits for the first one's abort.
constexpr milliseconds kAbortLimit{5000};
constexpr milliseconds kPoll{2};

/// `bytes` keeps the message alive for MPI: the sends are never completed, since the peers may be gone.
void tell_all(MPI_Comm handle, const FailureNotice& notice, int size, std::vector<char>& bytes) {
  bytes.resize(sizeof(notice));
  std::memcpy(bytes.data(), &notice, sizeof(notice));
  for (int peer = 0; peer < size; ++peer) {
    if (peer == notice.rank) continue;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(bytes.data(), sizeof(notice), MPI_BYTE, peer, 0, handle, &request);
  }
}

/// Receives notices until all ranks have failed or kGrace has passed.
std::vector<FailureNotice> hear_others(MPI_Comm handle, const FailureNotice& mine, int size) {
  std::vector<FailureNotice> notices = {mine};
  const auto end = std::chrono::steady_clock::now() + kGrace;
  while (notices.size() < static_cast<std::size_t>(size) && std::chrono::steady_clock::now() < end) {
    int found = 0;
    MPI_Status status;
    if (MPI_Iprobe(MPI_ANY_SOURCE, 0, handle, &found, &status) != MPI_SUCCESS) break;
    if (found == 0) {
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    FailureNotice notice;
    MPI_Recv(&notice, sizeof(notice), MPI_BYTE, status.MPI_SOURCE, 0, handle, MPI_STATUS_IGNORE);
    notices.push_back(notice);
  }
  return notices;
}

}  // namespace

void MpiWorld::on_abort(AbortAction action) {
  const std::lock_guard lock(state_->abort_mutex);
  state_->on_abort = std::move(action);
}

void MpiWorld::abort_with(const std::string& message, int code, const std::string& host) {
  std::fflush(stdout);
  const std::string whole = size() == 1 ? message : base::str("[rank ", rank(), "] ", message);
  base::print_failure(whole);
  try {
    const std::lock_guard lock(state_->abort_mutex);
    if (state_->on_abort) state_->on_abort(whole, code, host);
  } catch (const std::exception&) {
    // The message is printed; ending the job is what matters now.
  }
  MPI_Abort(MPI_COMM_WORLD, code);
  std::_Exit(code);
}

std::string MpiWorld::blamed_host(const std::exception& error) {
  if (size() == 1) return "";
  if (!std::exchange(state_->failed, true)) {
    const auto now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
    const FailureNotice mine{now, rank(), base::exit_code(error), std::hash<std::string>{}(base::failure_text(error)),
                             std::hash<std::string>{}(host())};
    tell_all(state_->failures, mine, size(), state_->notice);
    state_->failures_heard = hear_others(state_->failures, mine, size());
  }
  const std::vector<FailureNotice>& heard = state_->failures_heard;
  const bool all = heard.size() == static_cast<std::size_t>(size());
  // When ranks of several nodes fail, it may be for one that is silent.
  const bool here =
      std::ranges::all_of(heard, [&](const FailureNotice& one) { return one.host == heard.front().host; });
  return all || !here || base::is_full_disk(error) ? "" : host();
}

int MpiWorld::fail(const std::exception& error) {
  const std::string message = base::failure_text(error);
  const int code = base::exit_code(error);
  if (size() == 1) {
    state_->failed = true;
    base::print_failure(message);
    return code;
  }
  const std::string blamed = blamed_host(error);
  const std::vector<FailureNotice>& notices = state_->failures_heard;
  const FailureNotice& first = *std::min_element(notices.begin(), notices.end());
  if (notices.size() < static_cast<std::size_t>(size())) {
    if (first.rank != rank()) std::this_thread::sleep_for(kAbortLimit);
    abort_with(message, code, blamed);
  }
  const std::uint64_t own = std::hash<std::string>{}(message);
  const bool same = std::all_of(notices.begin(), notices.end(), [&](const FailureNotice& n) { return n.text == own; });
  std::fflush(stdout);
  if (same && rank() == 0) base::print_failure(message);
  if (!same && first.rank == rank()) base::print_failure(base::str("[rank ", rank(), "] ", message));
  return rank() == 0 ? first.code : base::kExitDone;
}

int run_guarded(MpiWorld& world, const std::function<int()>& body) {
  try {
    const int code = body();
    return world.rank() == 0 ? code : base::kExitDone;
  } catch (const std::exception& error) {
    // What `body` owned is destroyed by now: the exception left it.
    return world.fail(error);
  } catch (...) {
    return world.fail(base::Error("an unknown error"));
  }
}

}  // namespace trireme::collectives
