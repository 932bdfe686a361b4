#include "launcher/session/model_input.hpp"

#include <cstring>
#include <span>
#include <utility>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "collectives/ops/text.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/hub/weights.hpp"
#include "launcher/session/checkpoint_bridge.hpp"
#include "launcher/session/masked_data.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/validation_targets.hpp"
#include "launcher/team_data/registry.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using collectives::share_text;

// Rank 0's list, on all ranks.
std::vector<std::string> share_texts(collectives::MpiWorld& world, const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    const std::uint64_t size = text.size();
    bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
    bytes += text;
  }
  bytes = share_text(world.control(), std::move(bytes));
  std::vector<std::string> result;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data() + at, sizeof size);
    result.push_back(bytes.substr(at + sizeof size, size));
    at += sizeof size + size;
  }
  return result;
}

std::map<std::string, std::string> share_map(collectives::MpiWorld& world,
                                             const std::map<std::string, std::string>& texts) {
  std::vector<std::string> list;
  for (const auto& [name, text] : texts) {
    list.push_back(name);
    list.push_back(text);
  }
  list = share_texts(world, list);
  std::map<std::string, std::string> result;
  for (std::size_t i = 0; i + 1 < list.size(); i += 2) result[list[i]] = std::move(list[i + 1]);
  return result;
}

void fit_layout(options::RunOptions& options, int ranks, const base::Log& log) {
  options::ParallelSection& parallel = options.parallel;
  if (ranks % (parallel.tp * parallel.pp) != 0) {
    log.info(str("the layout tp", parallel.tp, ", pp", parallel.pp, " does not fill ", ranks,
                 " rank(s): every rank holds the whole model"));
    parallel.tp = 1;
    parallel.pp = 1;
    parallel.sequence_parallel.reset();
  }
  // Texts have any length; those that tp does not divide go without sequence parallel anyway.
  if (*options.model.sequence % parallel.tp != 0) parallel.sequence_parallel = false;
  parallel.dp = ranks / (parallel.tp * parallel.pp);
  parallel.zero = 0;
  parallel.schedule = "gpipe";
  parallel.chunks = 1;
  options.train.global_batch = parallel.dp * options.train.micro_batch;
}

// What is about a training only must not stop a use of its model.
void leave_training_out(options::RunOptions& options) {
  options.train.steps = 1;
  options.train.tokens = 0;
  options.train.stop_when.clear();
  options.log.sample_prompts.clear();
  options.checkpoint.keep_best = false;
  options.optimizer = {};
  options.groups.clear();
  options.model.init_from.clear();
}

// `what` names the option and the file that the token ids would come from.
void require_trained_tokenizer(const std::string& what, const std::string& hash, const std::string& trained_hash) {
  if (trained_hash.empty() || hash == trained_hash) return;
  throw InputError(str(what, " has another tokenizer than the model was trained with (", hash, " instead of ",
                       trained_hash, "): its ids would mean other text"));
}

std::string tokenizer_in(base::FileSystem& files, const std::string& key, const std::string& list,
                         const std::string& tree) {
  const auto choices = dataset_choices(files, key, list, tree);
  return tokens::TokenDataset::open(files, choices.front().path).tokenizer_json();
}

// The tokenizer's JSON, and the option that named it.
std::pair<std::string, std::string> find_tokenizer(base::FileSystem& files, const options::DataSection& data) {
  if (!data.tokenizer.empty()) {
    return {text::Tokenizer::load(data.tokenizer).to_json(), "data.tokenizer = " + data.tokenizer};
  }
  if (data.train.empty() && data.valid.empty()) {
    throw InputError("no tokenizer: name one with data.tokenizer, or a dataset with data.train");
  }
  const bool train = !data.train.empty();
  const std::string key = train ? "data.train" : "data.valid", list = train ? data.train : data.valid;
  try {
    return {tokenizer_in(files, key, list, data.tree), key + " = " + list};
  } catch (const InputError& error) {
    throw InputError(str(error.what(), " (", key, " holds the model's tokenizer: name another place of it with ", key,
                         ", or the tokenizer with data.tokenizer)"));
  }
}

void take_tokenizer(base::FileSystem& files, ModelInput& input) {
  const ModelSource& source = input.source;
  input.tokenizer_json = source.tokenizer_json;
  if (!input.tokenizer_json.empty()) return;
  const auto [json, named] = find_tokenizer(files, input.options().data);
  require_trained_tokenizer(named, base::xxh3_hex(json), source.tokenizer_hash);
  input.tokenizer_json = json;
}

// Says more about it than the data source would.
void refuse_short(const tokens::TokenDataset& dataset, std::int64_t sequence) {
  if (dataset.packed() || dataset.size() > static_cast<std::uint64_t>(sequence)) return;
  throw InputError(str(dataset.path(), " holds ", dataset.size(), " tokens, too few for one sample of ", sequence,
                       ": take shorter ones with --sequence"));
}

void open_datasets(base::FileSystem& files, ModelInput& input, const ModelUse& use) {
  const options::RunOptions& options = input.options();
  const std::string key = use.data.empty() ? "data.valid" : "--data";
  const std::vector<std::string> lists = use.data.empty() ? std::vector{options.data.valid} : use.data;
  const std::int64_t most = input.resolved.model.sequence;
  if (use.sequence > most) throw InputError(str("--sequence ", use.sequence, " is above the model's, ", most));
  const std::int64_t sequence = use.sequence > 0 ? use.sequence : most;
  for (const std::string& list : lists) {
    if (list.empty()) throw InputError("no dataset to evaluate: give --data DATA.h5, or data.valid in the run file");
    for (const tokens::DatasetChoice& choice : dataset_choices(files, key, list, options.data.tree)) {
      refuse_short(tokens::TokenDataset::open(files, choice.path), sequence);
      auto data =
          std::make_unique<tokens::DataSource>(files, key, std::vector{choice}, sequence,
                                               static_cast<std::uint64_t>(options.run.seed), tokens::Reading::kInOrder);
      mask_as_trained(*data, key, options);
      // Other text than conversations can be evaluated all the same.
      if (options.sft.loss == "last" && data->packed()) data->learn_last_turns();
      require_targets(*data, key, use.samples);
      if (static_cast<std::int64_t>(data->vocabulary()) > input.resolved.model.vocab) {
        throw InputError(str(choice.path, " has a vocabulary of ", data->vocabulary(), ", and the model one of ",
                             input.resolved.model.vocab));
      }
      require_trained_tokenizer(str(key, " = ", choice.path), data->tokenizer_hash(), input.source.tokenizer_hash);
      input.datasets.push_back({choice.path, std::move(data)});
    }
  }
}

}  // namespace

ModelSource share_model(collectives::MpiWorld& world, base::FileSystem& files, const options::RunArguments& run,
                        const std::string& checkpoint, const base::Log& log) {
  ModelSource source;
  std::vector<std::string> texts;
  on_rank_0(world, [&] {
    source = find_model(files, run.file(), run.overrides(), checkpoint);
    texts = {std::to_string(static_cast<int>(source.kind)), options::to_ini(source.options), source.weights.string(),
             source.tokenizer_json, source.tokenizer_hash};
    for (const std::string& note : source.notes) log.warn(note);
  });
  texts = share_texts(world, texts);
  source.texts = share_map(world, source.texts);
  source.kind = static_cast<ModelKind>(std::stoi(texts.at(0)));
  source.options = options::parse_run_options(texts.at(1), "rank 0's options");
  source.weights = texts.at(2);
  source.tokenizer_json = texts.at(3);
  source.tokenizer_hash = texts.at(4);
  return source;
}

ModelInput prepare_model(collectives::MpiWorld& world, base::FileSystem& files, ModelSource source, const ModelUse& use,
                         const Device& device, const base::Log& log) {
  ModelInput input;
  input.source = std::move(source);
  options::RunOptions options = input.source.options;
  leave_training_out(options);
  fit_precision(options, device, log);
  fit_layout(options, world.size(), log);
  world.together([&] {
    options::Surroundings surroundings;
    surroundings.world_size = world.size();
    surroundings.cuda = device.cuda();
    surroundings.dataset_vocab = *options.model.vocab;
    // resolve() is about trainings, which read data.
    const std::string train = options.data.train;
    if (train.empty()) options.data.train = "none";
    input.resolved = options::resolve(options, surroundings);
    input.resolved.options.data.train = train;
    if (use.datasets) open_datasets(files, input, use);
    if (use.tokenizer || !input.source.tokenizer_json.empty()) take_tokenizer(files, input);
  });
  return input;
}

void load_model(Session& session, base::FileSystem& files, const ModelSource& source) {
  checkpoint::Coordinator& coordinator = session.coordinator();
  if (!source.from_hub()) {
    load_weights(coordinator, files, session.model(), source.weights);
    return;
  }
  const HubDirectory directory = share_hub_directory(coordinator, files, source.weights);
  fill_weights(session.model(), [&](std::span<const checkpoint::WantedBox> boxes) {
    return load_hub_weights(coordinator, files, directory, boxes);
  });
}

}  // namespace trireme::launcher
