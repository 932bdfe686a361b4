// Runs one model on one rank and writes what it computed, for a script to compare with another implementation.
// Argument: a directory with model.json, parameters.bin (fp64, logical tensors one after another in the order of
// model.json's "tensors"), tokens.bin, targets.bin and perhaps types.bin (int64, (B, T)). Writes logits.bin, loss.bin,
// gradients.bin, generated.bin, hidden.bin and, of a model with a pooler, pooled.bin there (fp64).
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <omp.h>

#include <cstdio>
#include <map>
#include <vector>

#include "base/json.hpp"
#include "models/layout/block_plan.hpp"
#include "models/transformer/chunk.hpp"
#include "tests/models/transformer/continued.hpp"
#include "tests/support/model_files.hpp"

namespace {

using trireme::base::Json;
using namespace trireme;

using tests::Output;
using tests::read_all;

at::ScalarType type_of(const std::string& name) {
  return name == "fp64" ? at::kDouble : name == "fp32" ? at::kFloat : at::kBFloat16;
}

transformer::Recompute recompute_of(const std::string& name) {
  return name == "full"        ? transformer::Recompute::kFull
         : name == "selective" ? transformer::Recompute::kSelective
                               : transformer::Recompute::kNone;
}

void fill(parallel::ParameterStore& store, const Json& tensors, std::vector<double>& values) {
  std::map<std::string, const parallel::Parameter*> by_name;
  for (const auto& parameter : store.parameters()) by_name[parameter.tensor.name] = &parameter;
  double* next = values.data();
  for (const auto& name : tensors) {
    const auto& value = by_name.at(name)->value;
    value.copy_(at::from_blob(next, value.sizes(), at::kDouble));
    next += value.numel();
  }
}

/// Feeds the prompt in pieces of the given numbers of tokens and records the logits after each piece.
void generate(transformer::Chunk& chunk, const at::Tensor& tokens, const Json& pieces, Output& out) {
  if (pieces.empty()) return;
  for (const at::Tensor& logits : test::continued_logits(chunk, tokens, pieces.get<std::vector<std::int64_t>>())) {
    out.add(logits);
  }
}

void run(const std::filesystem::path& directory) {
  const Json json = tests::read_json(directory / "model.json");
  const spec::ModelPlan plan = tests::model_of(json);
  const at::ScalarType type = type_of(json.at("type"));
  const schedule::ChunkLayers all{0, plan.layer_count(), true, true};
  parallel::ParameterStore store(layout::lay_out(layout::block_plan(plan, {all}), 0, 1, 32, 32), type,
                                 type == at::kDouble ? at::kDouble : at::kFloat, at::kCPU);
  auto values = read_all<double>(directory / "parameters.bin");
  fill(store, json.at("tensors"), values);
  auto tokens = read_all<std::int64_t>(directory / "tokens.bin");
  auto targets = read_all<std::int64_t>(directory / "targets.bin");
  const std::int64_t batch = json.at("batch");
  const std::int64_t length = static_cast<std::int64_t>(tokens.size()) / batch;
  transformer::ChunkContext context;
  context.recompute = recompute_of(json.at("recompute"));
  transformer::Chunk chunk(plan, all, context, store);
  transformer::MicroBatch whole;
  whole.tokens = at::from_blob(tokens.data(), {batch, length}, at::kLong);
  whole.targets = at::from_blob(targets.data(), {batch, length}, at::kLong);
  std::vector<std::int64_t> types;
  if (std::filesystem::exists(directory / "types.bin")) {
    types = read_all<std::int64_t>(directory / "types.bin");
    whole.types = at::from_blob(types.data(), {batch, length}, at::kLong);
  }
  whole.loss_scale = json.at("loss_scale");
  whole.samples.resize(static_cast<std::size_t>(batch));
  Output(directory / "logits.bin").add(chunk.logits(whole, {}).transpose(0, 1));
  const at::Tensor hidden = chunk.hidden(whole, {});
  Output(directory / "hidden.bin").add(hidden.transpose(0, 1));
  if (plan.pooler) Output(directory / "pooled.bin").add(chunk.pooled(hidden.select(0, 0)));

  store.begin_step();
  at::Tensor loss = at::empty({}, at::kDouble).zero_();
  const std::int64_t pieces = json.at("micro_batches");
  for (std::int64_t m = 0; m < pieces; ++m) {
    transformer::MicroBatch part = whole;
    part.tokens = whole.tokens.narrow(0, m * batch / pieces, batch / pieces);
    part.targets = whole.targets.narrow(0, m * batch / pieces, batch / pieces);
    if (!types.empty()) part.types = whole.types.narrow(0, m * batch / pieces, batch / pieces);
    part.samples.resize(static_cast<std::size_t>(batch / pieces));
    auto result = chunk.forward(part, {});
    loss.add_(result.loss_sum);
    chunk.backward(std::move(result.activations), {}, [](std::int64_t) {});
  }
  store.finish_step();
  Output losses(directory / "loss.bin");
  losses.add(loss);
  losses.add(chunk.evaluate(whole, {}).loss_sum);
  std::map<std::string, at::Tensor> gradients;
  for (const auto& parameter : store.parameters()) gradients[parameter.tensor.name] = parameter.grad;
  Output out(directory / "gradients.bin");
  for (const auto& name : json.at("tensors")) out.add(gradients.at(name));
  Output generated(directory / "generated.bin");
  generate(chunk, whole.tokens, json.at("pieces"), generated);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  try {
    for (int i = 1; i < argc; ++i) run(argv[i]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model_dump: %s\n", error.what());
    return 1;
  }
  return 0;
}
