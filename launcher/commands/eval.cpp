// trireme eval MODEL: the loss of a model on datasets; log-probabilities, choices and embeddings of texts.
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/batch_plan.hpp"
#include "launcher/commands/eval_texts.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/inference/dataset_loss.hpp"
#include "launcher/inference/target_bytes.hpp"
#include "launcher/options/objective.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/model_input.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {
namespace {

// The tokens of a dataset that are too few for one more sample.
std::uint64_t tokens_left_out(const tokens::DataSource& data) {
  std::uint64_t count = 0;
  for (const tokens::TokenDataset& dataset : data.datasets()) {
    if (dataset.packed()) continue;  // all of its documents are in samples
    const auto sequence = static_cast<std::uint64_t>(data.sequence());
    count += dataset.size() - 1 - dataset.samples(data.sequence()) * sequence;
  }
  return count;
}

// Collective; the bytes are counted on rank 0 alone.
std::vector<DatasetLoss> losses_of(Session& session, const ModelInput& input, std::int64_t samples,
                                   const base::Log& log) {
  // Masked language modelling predicts a part of the text.
  const bool whole_text = !options::predicts_masked(input.options());
  std::vector<DatasetLoss> losses;
  for (const auto& [name, data] : input.datasets) {
    const std::uint64_t count = tokens::validation_count(data->samples(), samples);
    const Session::Validation found = *session.validate(*data, count);
    DatasetLoss loss;
    loss.name = name;
    loss.loss_sum = found.loss * static_cast<double>(found.targets);
    loss.targets = found.targets;
    loss.samples = count;
    loss.left_out = count == data->samples() ? tokens_left_out(*data) : 0;
    if (loss.left_out > 0) {
      log.info(base::str(name, ": the last ", loss.left_out, " tokens are too few for one more sample of ",
                         data->sequence(), " and are left out"));
    }
    if (whole_text && session.world().rank() == 0) {
      const auto tokenizer = text::Tokenizer::parse(data->tokenizer_json(), "the tokenizer of " + name);
      loss.bytes = target_bytes(*data, count, bytes_of_tokens(tokenizer));
    }
    losses.push_back(std::move(loss));
  }
  return losses;
}

void answer_losses(const std::vector<DatasetLoss>& losses, const std::string& checkpoint, bool json) {
  if (json) {
    base::Json answer = {{"checkpoint", checkpoint}};
    answer.update(losses_json(losses));
    base::answer_json(answer);
  } else {
    base::answer("checkpoint  " + checkpoint);
    base::answer_text(losses_text(losses));
  }
}

}  // namespace

int eval_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments) {
  options::EvalLine command;
  if (!parse_once(world, command.line, arguments)) return base::kExitDone;
  const bool on_texts = reads_texts(command);

  base::PosixFileSystem files;
  const base::Log log = world.rank() == 0 ? base::Log(stderr) : base::Log();
  ModelSource source = share_model(world, files, command.run, command.checkpoint, log);
  const Device device(world, source.options.train.device, log);
  ModelUse use;
  use.tokenizer = on_texts;
  use.datasets = !on_texts;
  use.data = command.data;
  use.sequence = command.sequence;
  use.samples = command.samples;
  const ModelInput input = prepare_model(world, files, std::move(source), use, device, log);
  std::unique_ptr<TextTask> task;
  if (on_texts) task = make_text_task(world, files, signals, command, input, log);
  Session session(world, input.resolved, device, Purpose::kInference);
  load_model(session, files, input.source);
  if (on_texts) {
    task->run(session);
  } else {
    const std::vector<DatasetLoss> losses = losses_of(session, input, command.samples, log);
    if (world.rank() == 0) answer_losses(losses, input.source.weights.string(), command.json);
  }
  session.finish();
  return base::kExitDone;
}

}  // namespace trireme::launcher
