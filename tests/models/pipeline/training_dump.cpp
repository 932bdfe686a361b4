// Trains one model for a few steps on one rank, in fp64 or as "precision" says, and writes what became of it, for a
// script to compare with PyTorch. Argument: directories with model.json, parameters.bin (fp64, in the order of
// "tensors"), tokens.bin and targets.bin (int64, (steps, B, T)). Writes losses.bin, norms.bin (fp64, one per step) and
// trained.bin (as parameters.bin).
#include <ATen/ops/from_blob.h>

#include <cstdio>
#include <map>

#include "models/pipeline/trainer.hpp"
#include "tests/support/model_files.hpp"

namespace {

using namespace trireme;
using tests::read_all;

/// What "optimizer" says of the keys of [optimizer].
void read_optimizer(const base::Json& json, optim::RuleOptions& options) {
  const std::string name = json.value("name", name_of(options.kind));
  options.kind = optim::rule_kind(name);
  options.beta1 = json.value("beta1", options.beta1);
  options.beta2 = json.value("beta2", options.beta2);
  options.momentum = json.value("momentum", options.momentum);
  options.nesterov = json.value("nesterov", options.nesterov);
  const std::string scale = json.value("muon_lr", name_of(options.muon_scale));
  options.muon_scale = optim::muon_scale(scale);
}

pipeline::TrainerConfig config_of(const base::Json& json) {
  pipeline::TrainerConfig config;
  config.model = tests::model_of(json);
  config.precision =
      json.value("precision", "fp64") == "fp32" ? pipeline::Precision::kFp32 : pipeline::Precision::kFp64;
  config.micro_batches = json.at("micro_batches");
  config.micro_batch = json.at("batch").get<std::int64_t>() / config.micro_batches;
  config.optimizer.weight_decay = json.at("weight_decay");
  if (json.contains("optimizer")) read_optimizer(json.at("optimizer"), config.optimizer);
  config.clip = json.at("clip");
  return config;
}

std::vector<transformer::MicroBatch> cut(const pipeline::TrainerConfig& config, const at::Tensor& tokens,
                                         const at::Tensor& targets) {
  std::vector<transformer::MicroBatch> batches;
  for (std::int64_t index = 0; index < config.micro_batches; ++index) {
    transformer::MicroBatch batch;
    batch.tokens = tokens.narrow(0, index * config.micro_batch, config.micro_batch).contiguous();
    batch.targets = targets.narrow(0, index * config.micro_batch, config.micro_batch).contiguous();
    batch.samples.resize(static_cast<std::size_t>(config.micro_batch));
    batches.push_back(batch);
  }
  return batches;
}

/// The parameters in the order of "tensors".
std::vector<at::Tensor> parameters(pipeline::Trainer& trainer, const base::Json& json) {
  std::map<std::string, at::Tensor> by_name;
  for (const auto& part : trainer.state()) {
    if (part.slot == pipeline::kParam) by_name[part.name] = part.data;
  }
  std::vector<at::Tensor> ordered;
  for (const auto& name : json.at("tensors")) ordered.push_back(by_name.at(name));
  return ordered;
}

void run(const std::filesystem::path& directory) {
  const base::Json json = tests::read_json(directory / "model.json");
  const pipeline::TrainerConfig config = config_of(json);
  pipeline::Trainer trainer(config, {});
  trainer.initialise();
  auto values = read_all<double>(directory / "parameters.bin");
  double* next = values.data();
  for (const at::Tensor& parameter : parameters(trainer, json)) {
    parameter.copy_(at::from_blob(next, parameter.sizes(), at::kDouble));
    next += parameter.numel();
  }
  trainer.after_load();
  const std::int64_t steps = json.at("steps");
  const std::int64_t batch = json.at("batch");
  auto tokens = read_all<std::int64_t>(directory / "tokens.bin");
  auto targets = read_all<std::int64_t>(directory / "targets.bin");
  const std::int64_t length = static_cast<std::int64_t>(tokens.size()) / (steps * batch);
  const at::Tensor all_tokens = at::from_blob(tokens.data(), {steps, batch, length}, at::kLong);
  const at::Tensor all_targets = at::from_blob(targets.data(), {steps, batch, length}, at::kLong);
  tests::Output losses(directory / "losses.bin");
  tests::Output norms(directory / "norms.bin");
  for (std::int64_t step = 0; step < steps; ++step) {
    const at::Tensor wanted = all_targets.select(0, step);
    const auto result = trainer.step(cut(config, all_tokens.select(0, step), wanted),
                                     wanted.ge(0).sum().item<std::int64_t>(), json.at("lr"));
    losses.add(result.loss);
    norms.add(result.grad_norm);
  }
  tests::Output out(directory / "trained.bin");
  for (const at::Tensor& parameter : parameters(trainer, json)) out.add(parameter);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    for (int i = 1; i < argc; ++i) run(argv[i]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "training_dump: %s\n", error.what());
    return 1;
  }
  return 0;
}
