#include "models/pipeline/mailbox.hpp"

#include <ATen/ops/empty.h>

#include "base/error.hpp"
#include "models/parallel/data_type.hpp"

namespace trireme::pipeline {

Mailbox::Mailbox(collectives::Communicator* pp, at::TensorOptions options, std::vector<std::int64_t> shape)
    : pp_(pp), options_(options), shape_(std::move(shape)) {}

Mailbox::~Mailbox() = default;

void Mailbox::put(schedule::Payload payload, int chunk, int micro_batch, at::Tensor tensor) {
  here_[{payload, chunk, micro_batch}] = std::move(tensor);
}

at::Tensor Mailbox::take(schedule::Payload payload, int chunk, int micro_batch) {
  const Key key{payload, chunk, micro_batch};
  if (const auto coming = arriving_.find(key); coming != arriving_.end()) {
    while (completed_ <= coming->second) complete_first();
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
  Group group;
  std::vector<collectives::Transfer> wire;
  for (const schedule::Transfer& transfer : transfers) {
    const Key key{transfer.payload, transfer.chunk, transfer.micro_batch};
    const bool sends = transfer.direction == schedule::Direction::kSend;
    at::Tensor tensor;
    if (sends) {
      tensor = take(transfer.payload, transfer.chunk, transfer.micro_batch).contiguous();
      group.sending.push_back(tensor);
    } else {
      tensor = at::empty(shape_, options_);
      here_[key] = tensor;
      arriving_[key] = completed_ + running_.size();
    }
    wire.push_back({sends ? collectives::Transfer::Direction::kSend : collectives::Transfer::Direction::kReceive,
                    tensor.mutable_data_ptr(), static_cast<std::size_t>(tensor.numel()), parallel::data_type(tensor),
                    transfer.peer});
  }
  group.request = pp_->start_exchange(wire);
  running_.push_back(std::move(group));
}

void Mailbox::complete_first() {
  running_.front().request.wait();
  running_.pop_front();
  ++completed_;
}

void Mailbox::test() {
  while (!running_.empty() && running_.front().request.test()) {
    running_.pop_front();
    ++completed_;
  }
  for (Group& group : running_) group.request.test();
}

void Mailbox::finish() {
  while (!running_.empty()) complete_first();
}

}  // namespace trireme::pipeline
