#include "launcher/session/run_input.hpp"

#include <utility>

#include "base/error.hpp"
#include "collectives/ops/text.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/hub/directory.hpp"
#include "launcher/hub/import.hpp"
#include "launcher/options/model.hpp"
#include "launcher/options/objective.hpp"
#include "launcher/session/masked_data.hpp"
#include "launcher/session/model_source.hpp"
#include "launcher/session/validation_targets.hpp"
#include "launcher/team_data/registry.hpp"

namespace trireme::launcher {
namespace {

using collectives::share_text;

std::unique_ptr<tokens::DataSource> open_data(base::FileSystem& files, const std::string& key, const std::string& list,
                                              const options::Resolved& resolved, tokens::Reading reading) {
  auto source = std::make_unique<tokens::DataSource>(
      files, key, dataset_choices(files, key, list, resolved.options.data.tree), resolved.model.sequence,
      static_cast<std::uint64_t>(resolved.options.run.seed), reading);
  mask_as_trained(*source, key, resolved.options);
  if (resolved.options.sft.loss == "last") source->learn_last_turns();
  return source;
}

// The vocabulary decides the model's size, so it is read before the options are resolved.
std::int64_t vocabulary_of(base::FileSystem& files, const std::string& key, const std::string& list,
                           const std::string& tree) {
  if (list.empty()) throw base::InputError(key + " is missing: name a token dataset (trireme prepare makes one)");
  const auto choices = dataset_choices(files, key, list, tree);
  return static_cast<std::int64_t>(tokens::TokenDataset::open(files, choices.front().path).vocabulary());
}

void require_tokenizer(const tokens::DataSource& source, const std::string& list, const std::string& hash) {
  if (source.tokenizer_hash() != hash) {
    throw base::InputError(base::str(list,
                                     " was prepared with another tokenizer than the training data: run trireme "
                                     "prepare on its text with the same --tokenizer"));
  }
}

// data.tokenizer, if set, must be the tokenizer with which the datasets were prepared.
void check_tokenizer_option(const options::RunOptions& options, const tokens::DataSource& source) {
  if (options.data.tokenizer.empty()) return;
  const auto tokenizer = text::Tokenizer::load(options.data.tokenizer);
  if (tokenizer.to_json() != source.tokenizer_json()) {
    throw base::InputError(base::str("data.tokenizer = ", options.data.tokenizer,
                                     " is not the tokenizer that the datasets were prepared with"));
  }
}

// What model.init_from says of the model: a checkpoint's run file, or the config of a Hugging Face directory.
options::RunOptions initial_options_of(base::FileSystem& files, const std::filesystem::path& init_from) {
  if (HubDirectory::is_one(files, init_from)) {
    options::RunOptions options;
    options.model = model_section(HubDirectory::open(files, init_from));
    return options;
  }
  const std::filesystem::path step_directory = find_checkpoint(files, init_from);
  return options::parse_run_options(checkpoint::open_manifest(files, step_directory).options, step_directory.string());
}

}  // namespace

void on_rank_0(collectives::MpiWorld& world, const std::function<void()>& action) {
  std::int64_t code = base::kExitDone;
  std::string message;
  if (world.rank() == 0) {
    try {
      action();
    } catch (const std::exception& error) {
      code = base::exit_code(error);
      message = error.what();
    }
  }
  world.control().broadcast(&code, 1, collectives::DataType::kInt64, 0);
  if (code == base::kExitDone) return;
  message = share_text(world.control(), message);
  base::throw_with_code(static_cast<int>(code), message);
}

options::RunOptions share_options(collectives::MpiWorld& world, const std::function<options::RunOptions()>& read) {
  std::string text;
  on_rank_0(world, [&] { text = options::to_ini(read()); });
  return options::parse_run_options(share_text(world.control(), text), "rank 0's options");
}

bool parse_once(const collectives::MpiWorld& world, options::CommandLine& line, const options::Arguments& arguments) {
  if (line.asks_for_help(arguments) && world.rank() != 0) return false;
  return line.parse(arguments);
}

void fit_precision(options::RunOptions& options, const Device& device, const base::Log& log) {
  if (options.train.precision != "bf16" || device.multiplies_bf16()) return;
  log.info(
      "train.precision = bf16: not every rank's CPU multiplies bf16 in hardware, so this attempt computes in fp32");
  options.train.precision = "fp32";
}

RunInput prepare_training(collectives::MpiWorld& world, base::FileSystem& files, options::RunOptions options,
                          const Device& device, const base::Log& log) {
  fit_precision(options, device, log);
  RunInput input;
  std::string initial;
  on_rank_0(world, [&] {
    if (options.model.init_from.empty()) return;
    initial = options::to_ini(initial_options_of(files, options.model.init_from));
  });
  initial = share_text(world.control(), initial);
  world.together([&] {
    options::Surroundings surroundings;
    surroundings.world_size = world.size();
    surroundings.cuda = device.cuda();
    surroundings.dataset_vocab = vocabulary_of(files, "data.train", options.data.train, options.data.tree);
    options::RunOptions initial_options;
    if (!initial.empty()) {
      initial_options = options::parse_run_options(initial, options.model.init_from);
      initial_options.model = options::stored_model(initial_options.model);
      surroundings.initial_model = &initial_options.model;
    }
    input.resolved = options::resolve(options, surroundings);
    options::check_trainable(input.options());
    if (!initial.empty()) input.changed_ends = options::changed_ends(initial_options.model, input.options().model);
    input.train = open_data(files, "data.train", options.data.train, input.resolved, tokens::Reading::kShuffled);
    input.skip = tokens::parse_skipped_samples(options.data.skip, "data.skip");
    check_tokenizer_option(options, *input.train);
    input.prompts = parse_sample_prompts(options.log, input.resolved.model.sequence, input.train->tokenizer_json());
    if (!options.data.valid.empty()) {
      input.valid = open_data(files, "data.valid", options.data.valid, input.resolved, tokens::Reading::kInOrder);
      require_tokenizer(*input.valid, options.data.valid, input.train->tokenizer_hash());
      require_targets(*input.valid, "data.valid", options.log.valid_samples);
    }
  });
  return input;
}

}  // namespace trireme::launcher
