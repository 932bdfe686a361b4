#include "launcher/session/run_input.hpp"

#include <algorithm>
#include <utility>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "collectives/ops/text.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/options/model.hpp"
#include "launcher/team_data/registry.hpp"

namespace trireme::launcher {
namespace {

using collectives::share_text;

// Sets the precision in which this attempt will compute, so that the log, run.ini and the checkpoints all say the same.
void fit_precision(options::RunOptions& options, const Device& device, const base::Log& log) {
  if (options.train.precision != "bf16" || device.multiplies_bf16()) return;
  log.info(
      "train.precision = bf16: not every rank's CPU multiplies bf16 in hardware, so this attempt computes in fp32");
  options.train.precision = "fp32";
}

std::unique_ptr<tokens::DataSource> open_data(base::FileSystem& files, const std::string& key, const std::string& list,
                                              const options::Resolved& resolved, tokens::Reading reading) {
  return std::make_unique<tokens::DataSource>(files, key, dataset_choices(files, key, list, resolved.options.data.tree),
                                              resolved.model.sequence,
                                              static_cast<std::uint64_t>(resolved.options.run.seed), reading);
}

// The vocabulary decides the model's size, so it is read before the options are resolved.
std::int64_t vocabulary_of(base::FileSystem& files, const std::string& key, const std::string& list,
                           const std::string& tree) {
  if (list.empty()) throw base::InputError(key + " is missing: name a token dataset (trireme prepare makes one)");
  const auto choices = dataset_choices(files, key, list, tree);
  return static_cast<std::int64_t>(tokens::TokenDataset::open(files, choices.front().path).vocabulary());
}

std::string tokenizer_of(base::FileSystem& files, const std::string& list, const std::string& tree) {
  if (list.empty()) throw base::InputError("no tokenizer: name data.tokenizer or data.train in the run file");
  const auto choices = dataset_choices(files, "data.train", list, tree);
  return tokens::TokenDataset::open(files, choices.front().path).tokenizer_json();
}

// `what` names the option and the file that the token ids would come from.
void require_trained_tokenizer(const std::string& what, const std::string& hash, const std::string& trained_hash) {
  if (trained_hash.empty() || hash == trained_hash) return;
  throw base::InputError(base::str(what, " has another tokenizer than the checkpoint was trained with (", hash,
                                   " instead of ", trained_hash, "): its ids would mean other text"));
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

checkpoint::Manifest manifest_of(base::FileSystem& files, const std::filesystem::path& step_directory) {
  return checkpoint::open_manifest(files, step_directory);
}

options::RunOptions stored_options(base::FileSystem& files, const std::filesystem::path& step_directory) {
  return options::parse_run_options(manifest_of(files, step_directory).options, step_directory.string());
}

void fit_layout(options::RunOptions& options, int ranks, const base::Log& log) {
  options::ParallelSection& parallel = options.parallel;
  const std::int64_t model_ranks = parallel.tp * parallel.pp;
  if (ranks % model_ranks != 0 || (parallel.dp != 0 && model_ranks * parallel.dp != ranks)) {
    log.info(base::str("the run file's layout does not fill ", ranks, " rank(s): every rank holds the whole model"));
    parallel.tp = 1;
    parallel.pp = 1;
    parallel.sequence_parallel.reset();
  }
  parallel.dp = ranks / (parallel.tp * parallel.pp);
  parallel.zero = 0;
  parallel.schedule = "gpipe";
  parallel.chunks = 1;
  options.train.global_batch = parallel.dp * options.train.micro_batch;
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

RunInput prepare_training(collectives::MpiWorld& world, base::FileSystem& files, options::RunOptions options,
                          const Device& device, const base::Log& log) {
  fit_precision(options, device, log);
  RunInput input;
  std::string initial;
  on_rank_0(world, [&] {
    if (options.model.init_from.empty()) return;
    initial = options::to_ini(stored_options(files, find_checkpoint(files, options.model.init_from)));
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
    input.train = open_data(files, "data.train", options.data.train, input.resolved, tokens::Reading::kShuffled);
    input.skip = tokens::parse_skipped_samples(options.data.skip, "data.skip");
    check_tokenizer_option(options, *input.train);
    input.prompts = parse_sample_prompts(options.log, input.resolved.model.sequence, input.train->tokenizer_json());
    if (!options.data.valid.empty()) {
      input.valid = open_data(files, "data.valid", options.data.valid, input.resolved, tokens::Reading::kInOrder);
      require_tokenizer(*input.valid, options.data.valid, input.train->tokenizer_hash());
    }
  });
  return input;
}

ModelInput prepare_model(collectives::MpiWorld& world, base::FileSystem& files, options::RunOptions options,
                         const std::filesystem::path& path, const std::string& data, bool need_data,
                         const Device& device, const base::Log& log) {
  fit_precision(options, device, log);
  ModelInput input;
  std::string stored;
  std::string found;
  std::string trained_hash;
  on_rank_0(world, [&] {
    found = find_checkpoint(files, path).string();
    const auto manifest = manifest_of(files, found);
    stored = options::to_ini(options::parse_run_options(manifest.options, found));
    trained_hash = manifest.extra.value("tokenizer_hash", "");
  });
  input.checkpoint = share_text(world.control(), found);
  stored = share_text(world.control(), stored);
  trained_hash = share_text(world.control(), trained_hash);
  world.together([&] {
    const options::RunOptions saved = options::parse_run_options(stored, found);
    options.model = options::stored_model(saved.model);
    options.model.dropout = 0.0;
    if (!data.empty()) options.data.valid = data;
    if (need_data && options.data.valid.empty()) {
      throw base::InputError("no dataset to evaluate: give --data DATA.h5, or data.valid in the run file");
    }
    fit_layout(options, world.size(), log);
    options::Surroundings surroundings;
    surroundings.world_size = world.size();
    surroundings.cuda = device.cuda();
    surroundings.dataset_vocab = *options.model.vocab;
    input.resolved = options::resolve(options, surroundings);
    if (need_data) {
      const std::string key = data.empty() ? "data.valid" : "--data";
      input.data = open_data(files, key, options.data.valid, input.resolved, tokens::Reading::kInOrder);
      if (static_cast<std::int64_t>(input.data->vocabulary()) > input.resolved.model.vocab) {
        throw base::InputError(base::str(options.data.valid, " has a vocabulary of ", input.data->vocabulary(),
                                         ", and the checkpoint's model one of ", input.resolved.model.vocab));
      }
      require_trained_tokenizer(base::str(key, " = ", options.data.valid), input.data->tokenizer_hash(), trained_hash);
    } else {
      const bool named = !options.data.tokenizer.empty();
      input.tokenizer_json = named ? text::Tokenizer::load(options.data.tokenizer).to_json()
                                   : tokenizer_of(files, options.data.train, options.data.tree);
      require_trained_tokenizer(named ? base::str("data.tokenizer = ", options.data.tokenizer)
                                      : base::str("data.train = ", options.data.train),
                                base::xxh3_hex(input.tokenizer_json), trained_hash);
    }
  });
  return input;
}

std::filesystem::path find_checkpoint(base::FileSystem& files, const std::filesystem::path& path) {
  if (files.exists(path / checkpoint::kManifestName)) return path;
  const auto steps = checkpoint::committed_steps(files, path);
  if (steps.empty()) {
    throw base::InputError(base::str(path.string(), " is neither a checkpoint nor a run directory that holds one"));
  }
  return checkpoint::step_directory(path, steps.back());
}

}  // namespace trireme::launcher
