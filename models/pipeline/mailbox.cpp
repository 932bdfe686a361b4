#include "models/pipeline/mailbox.hpp"

#include <ATen/ops/empty.h>

#include "base/error.hpp"
#include "models/parallel/data_type.hpp"

namespace trireme::pipeline {

Mailbox::Mailbox(StageLinks* links, at::TensorOptions options, std::vector<std::int64_t> shape)
    : links_(links), options_(options), shape_(std::move(shape)) {}

Mailbox::~Mailbox() = default;

void Mailbox::put(schedule::Payload payload, int chunk, int micro_batch, at::Tensor tensor) {
  here_[{payload, chunk, micro_batch}] = std::move(tensor);
}

at::Tensor Mailbox::take(schedule::Payload payload, int chunk, int micro_batch) {
  const Key key{payload, chunk, micro_batch};
  if (const auto coming = arriving_.find(key); coming != arriving_.end()) {
    complete(*coming->second);
    arriving_.erase(coming);
  }
  const auto found = here_.find(key);
  if (found == here_.end()) {
    throw base::Error(base::str("the pipeline schedule asks for a tensor of chunk ", chunk, ", micro-batch ",
                                micro_batch, " that is neither computed nor arriving"));
  }
  at::Tensor tensor = std::move(found->second);
  here_.erase(found);
  return tensor;
}

void Mailbox::start(const std::vector<schedule::Transfer>& transfers) {
  const schedule::Action exchange{schedule::ActionKind::kExchange, -1, -1, transfers};
  for (const auto& group : schedule::groups_of(links_->stage(), exchange, links_->communicators())) start_group(group);
}

void Mailbox::start_group(const schedule::LinkGroup& group) {
  const auto running = std::make_shared<Group>();
  std::vector<collectives::Transfer> wire;
  std::shared_ptr<collectives::Moment> since;
  std::size_t received = 0;
  for (const schedule::Transfer& transfer : group.transfers) {
    const Key key{transfer.payload, transfer.chunk, transfer.micro_batch};
    const bool sends = transfer.direction == schedule::Direction::kSend;
    at::Tensor tensor;
    if (sends) {
      tensor = take(transfer.payload, transfer.chunk, transfer.micro_batch).contiguous();
      running->sending.push_back(tensor);
    } else {
      Spare spare = take_spare();
      tensor = spare.tensor;
      since = spare.since;  // spares_ are in order of age, so the last one taken is the newest
      ++received;
      here_[key] = tensor;
      arriving_[key] = running;
    }
    wire.push_back({sends ? collectives::Transfer::Direction::kSend : collectives::Transfer::Direction::kReceive,
                    tensor.mutable_data_ptr(), static_cast<std::size_t>(tensor.numel()), parallel::data_type(tensor),
                    transfer.peer});
  }
  running->request = links_->start(group.link, std::move(wire), received == group.transfers.size() ? since : nullptr);
  running_.push_back(running);
  keep_spares(received);
}

Mailbox::Spare Mailbox::take_spare() {
  if (spares_.empty()) return {at::empty(shape_, options_), nullptr};
  Spare spare = std::move(spares_.front());
  spares_.pop_front();
  return spare;
}

void Mailbox::keep_spares(std::size_t count) {
  if (links_->communicators() != schedule::Communicators::kPerLink) return;
  while (spares_.size() < count) {
    at::Tensor tensor = at::empty(shape_, options_);
    spares_.push_back({std::move(tensor), links_->moment()});
  }
}

void Mailbox::complete(Group& group) {
  group.request.wait();
  group.sending.clear();
  group.done = true;
}

void Mailbox::test() {
  for (const auto& group : running_) {
    if (!group->done && group->request.test()) complete(*group);
  }
  while (!running_.empty() && running_.front()->done) running_.pop_front();
}

void Mailbox::finish() {
  for (const auto& group : running_) {
    if (!group->done) complete(*group);
  }
  running_.clear();
}

}  // namespace trireme::pipeline
