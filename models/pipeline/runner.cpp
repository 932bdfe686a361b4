#include "models/pipeline/runner.hpp"

#include <map>
#include <utility>

#include "models/pipeline/mailbox.hpp"

namespace trireme::pipeline {
namespace {

using schedule::Payload;
using transformer::Activations;

class StepRun {
 public:
  StepRun(Stage& stage, const Wire& wire, std::span<const transformer::MicroBatch> micro_batches,
          const LayerProgress& progress)
      : stage_(stage), mail_(stage.links, wire.options, wire.shape), batches_(micro_batches), progress_(progress) {}

  at::Tensor run(const schedule::StageActions& actions) {
    for (const schedule::Action& action : actions) {
      switch (action.kind) {
        case schedule::ActionKind::kForward: forward(action.chunk, action.micro_batch); break;
        case schedule::ActionKind::kBackward: backward(action.chunk, action.micro_batch); break;
        case schedule::ActionKind::kExchange: mail_.start(action.transfers); break;
      }
      mail_.test();
    }
    mail_.finish();
    return loss_;
  }

 private:
  bool first(int chunk) const { return chunk == 0; }
  bool last(int chunk) const { return chunk == stage_.total() - 1; }

  void forward(int chunk, int micro_batch) {
    at::Tensor input;
    if (!first(chunk)) input = mail_.take(Payload::kActivation, chunk - 1, micro_batch);
    auto result = stage_.chunk(chunk).forward(batches_[static_cast<std::size_t>(micro_batch)], input);
    kept_[{chunk, micro_batch}] = std::move(result.activations);
    if (last(chunk)) {
      loss_ = loss_.defined() ? loss_.add_(result.loss_sum) : result.loss_sum.clone();
    } else {
      mail_.put(Payload::kActivation, chunk, micro_batch, std::move(result.output_TBD));
    }
  }

  void backward(int chunk, int micro_batch) {
    at::Tensor grad;
    if (!last(chunk)) grad = mail_.take(Payload::kGradient, chunk + 1, micro_batch);
    const bool last_pass = ++backwards_[chunk] == static_cast<int>(batches_.size());
    const auto kept = kept_.find({chunk, micro_batch});
    std::unique_ptr<Activations> activations = std::move(kept->second);
    kept_.erase(kept);
    at::Tensor input_grad = stage_.chunk(chunk).backward(std::move(activations), grad, [&](std::int64_t layer) {
      progress_(layer, last_pass);
      mail_.test();
    });
    if (!first(chunk)) mail_.put(Payload::kGradient, chunk, micro_batch, std::move(input_grad));
  }

  Stage& stage_;
  Mailbox mail_;
  std::span<const transformer::MicroBatch> batches_;
  const LayerProgress& progress_;
  std::map<std::pair<int, int>, std::unique_ptr<Activations>> kept_;
  std::map<int, int> backwards_;
  at::Tensor loss_;
};

}  // namespace

at::Tensor run_step(Stage& stage, const schedule::StageActions& actions, const Wire& wire,
                    std::span<const transformer::MicroBatch> micro_batches, const LayerProgress& progress) {
  return StepRun(stage, wire, micro_batches, progress).run(actions);
}

void relay(Stage& stage, const Wire& wire, const Compute& compute) {
  const int last = stage.total() - 1;
  Mailbox mail(stage.links, wire.options, wire.shape);
  for (int local = 0; local < static_cast<int>(stage.chunks.size()); ++local) {
    const int chunk = stage.global(local);
    at::Tensor input;
    if (chunk > 0) {
      const int sender = (chunk - 1) % stage.stages;
      if (sender != stage.stage) {
        mail.start({{schedule::Direction::kReceive, Payload::kActivation, chunk - 1, 0, sender}});
      }
      input = mail.take(Payload::kActivation, chunk - 1, 0);
    }
    at::Tensor output = compute(chunk, input);
    if (chunk == last) continue;
    mail.put(Payload::kActivation, chunk, 0, std::move(output));
    const int receiver = (chunk + 1) % stage.stages;
    if (receiver != stage.stage) {
      mail.start({{schedule::Direction::kSend, Payload::kActivation, chunk, 0, receiver}});
    }
  }
  mail.finish();
}

}  // namespace trireme::pipeline
