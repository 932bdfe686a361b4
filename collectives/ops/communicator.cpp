#include "collectives/communicator.hpp"

#include <exception>

#include "base/error.hpp"
#include "base/log.hpp"

namespace trireme::collectives {

void Request::finish() noexcept {
  if (!state_) return;
  // While an error unwinds, a peer may never answer: waiting would hide the error behind a hang.
  if (std::uncaught_exceptions() > 0) {
    state_->abandon();
  } else {
    try {
      state_->wait();
    } catch (const std::exception& error) {
      base::print_failure(base::failure_text(error));
    }
  }
  state_.reset();
}

Request& Request::operator=(Request&& other) noexcept {
  if (this != &other) {
    finish();
    state_ = std::move(other.state_);
  }
  return *this;
}

Request::~Request() { finish(); }

bool Request::test() {
  if (state_ && state_->test()) state_.reset();
  return state_ == nullptr;
}

void Request::wait() {
  if (!state_) return;
  const std::unique_ptr<State> state = std::move(state_);
  state->wait();
}

std::vector<Request> Communicator::start_all_gathers(const std::vector<Gather>& gathers) {
  std::vector<Request> requests;
  for (const Gather& g : gathers) requests.push_back(start_all_gather(g.send, g.receive, g.count, g.type));
  return requests;
}

void Communicator::all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) {
  start_all_reduce(data, count, type, op).wait();
}

void Communicator::reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op) {
  start_reduce_scatter(send, receive, count, type, op).wait();
}

void Communicator::all_gather(const void* send, void* receive, std::size_t count, DataType type) {
  start_all_gather(send, receive, count, type).wait();
}

void Communicator::broadcast(void* data, std::size_t count, DataType type, int root) {
  start_broadcast(data, count, type, root).wait();
}

void Communicator::all_to_all(const void* send, void* receive, std::size_t count, DataType type) {
  start_all_to_all(send, receive, count, type).wait();
}

void Communicator::send(const void* data, std::size_t count, DataType type, int peer, int tag) {
  start_exchange({{Transfer::Direction::kSend, const_cast<void*>(data), count, type, peer, tag}}).wait();
}

void Communicator::receive(void* data, std::size_t count, DataType type, int peer, int tag) {
  start_exchange({{Transfer::Direction::kReceive, data, count, type, peer, tag}}).wait();
}

}  // namespace trireme::collectives
