// trireme export: a checkpoint becomes a model in Hugging Face's format. No MPI, no LibTorch.
#include <optional>
#include <vector>

#include "base/answer.hpp"
#include "base/checksum.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/commands/checkpoint/byte_progress.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/commands/hub/card_facts.hpp"
#include "launcher/commands/hub/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/hub/elements.hpp"
#include "launcher/hub/export.hpp"
#include "launcher/hub/export_texts.hpp"
#include "launcher/hub/model_card.hpp"
#include "launcher/hub/stored_config.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/team_data/registry.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

struct ExportArguments {
  std::string checkpoint;
  std::string output;
  std::string type;
  std::string tokenizer;
  std::int64_t threads = 0;
  bool force = false;
  bool json = false;
};

bool parse(const Arguments& arguments, ExportArguments& given) {
  std::vector<std::string> words;
  options::CommandLine line("export", "writes a checkpoint in Hugging Face's format, for transformers and others",
                            "trireme export runs/bible -o bible-hf\n"
                            "trireme export runs/bible/checkpoints/step_100 -o bible-hf --dtype bf16");
  line.value("output,o", given.output, "HF_DIR", "the directory to write").required();
  line.value("dtype", given.type, "TYPE", "element type of the weights; else that of the imported model, or fp32")
      .one_of({"fp32", "bf16", "fp16", "fp64"});
  line.value("tokenizer", given.tokenizer, "FILE",
             "tokenizer.json to put in, or none; else that of the imported model or of the training data");
  line.value("threads", given.threads, "N", "threads; 0: one per core, at most 8").range(0, 64);
  line.flag("force", given.force, "replace a model that is there already");
  line.flag("json", given.json, "print one JSON object instead of a line");
  line.positionals("CHECKPOINT", words, "a step directory, or a run directory for its newest checkpoint", 1, 1);
  if (!line.parse(arguments)) return false;
  given.checkpoint = words[0];
  return true;
}

/// The tokenizer with which the run's data was prepared.
std::string tokenizer_of_data(base::FileSystem& files, const options::RunOptions& run, const std::string& hash) {
  try {
    if (!run.data.tokenizer.empty()) return text::Tokenizer::load(run.data.tokenizer).to_json();
    const auto choices = dataset_choices(files, "data.train", run.data.train, run.data.tree);
    return tokens::TokenDataset::open(files, choices.front().path).tokenizer_json();
  } catch (const base::Error& error) {
    throw base::InputError(str("the tokenizer of the training data (", hash, ") cannot be read: ", error.what(),
                               "; name it with --tokenizer=FILE, or write none with --tokenizer=none"));
  }
}

ExportTokenizer tokenizer_for(base::FileSystem& files, const ExportArguments& given,
                              const checkpoint::Manifest& manifest, const std::optional<HubRecord>& record) {
  using From = ExportTokenizer::From;
  if (given.tokenizer == "none") return {From::kNone, ""};
  if (!given.tokenizer.empty()) return {From::kText, text::Tokenizer::load(given.tokenizer).to_json()};
  const std::string hash = manifest.extra.value("tokenizer_hash", "");
  const auto recorded = record ? record->text("tokenizer.json") : std::nullopt;
  if (hash.empty() || (recorded && base::xxh3_hex(*recorded) == hash)) return {};
  const options::RunOptions run = options::parse_run_options(manifest.options, "the checkpoint's options");
  const std::string json = tokenizer_of_data(files, run, hash);
  if (base::xxh3_hex(json) == hash) return {From::kText, json};
  throw base::InputError(str("the dataset's tokenizer is not the one that the checkpoint was trained with (", hash,
                             "): name that one with --tokenizer=FILE"));
}

std::optional<HubRecord> record_of(base::FileSystem& files, const checkpoint::OpenedCheckpoint& opened) {
  const std::string text = checkpoint::read_hub_file(files, opened.path, opened.manifest);
  if (text.empty()) return std::nullopt;
  return parse_hub_record(text, (opened.path / checkpoint::kHubName).string());
}

void warn_of_other_tensors(const checkpoint::OpenedCheckpoint& opened, const HubRecord& record) {
  base::print_warning(str(opened.path.string(), " has other tensors than ", record.name,
                          ", which it was imported from: names, order and shards are those of a new model"));
}

std::uint64_t bytes_of_parameters(const checkpoint::BoxTable& table) {
  std::uint64_t bytes = 0;
  for (const auto& box : table.boxes) {
    if (table.tensors[box.tensor].slot == checkpoint::kParam) bytes += table.bytes_of(box);
  }
  return bytes;
}

}  // namespace

int export_command(const Arguments& arguments) {
  ExportArguments given;
  if (!parse(arguments, given)) return base::kExitDone;
  base::PosixFileSystem files;
  const base::SignalThread signals;  // before the threads
  const auto opened = checkpoint::open_checkpoint(files, step_directory_of(files, given.checkpoint));
  const std::optional<HubRecord> record = record_of(files, opened);
  const spec::ModelConfig model = stored_config(opened.manifest.options, opened.path.string());
  const auto type = given.type.empty() ? std::nullopt : weights_type(given.type);
  ExportPlan plan = plan_export(model, record, type);
  if (record && !plan.as_recorded) warn_of_other_tensors(opened, *record);
  const ExportTokenizer tokenizer = tokenizer_for(files, given, opened.manifest, record);
  plan.config = with_token_ids(plan.config, record, tokenizer);
  auto texts = export_texts(record, tokenizer, model);
  texts["README.md"] = model_card(card_facts(files, opened, record, model, given.output));
  std::uint64_t bytes = 0;
  try {
    ByteProgress progress("exporting", bytes_of_parameters(opened.table));
    const auto hear = progress.hear();
    ExportOptions options;
    options.threads = hub_threads(given.threads);
    options.overwrite = given.force ? base::Overwrite::kForced : base::Overwrite::kRefused;
    options.progress = [&](std::uint64_t read) { return hear(read) && signals.received() == 0; };
    bytes = export_hub(files, opened, plan, record ? record->kept : std::map<std::string, KeptTensor>(), texts,
                       given.output, options);
  } catch (const base::Stopped& stop) {
    base::print_failure(stop.what());  // what is not whole has been removed
    base::end_by_signal(signals.received());
  }
  if (given.json) {
    base::answer_json({{"checkpoint", opened.path.string()},
                       {"path", given.output},
                       {"step", opened.manifest.step},
                       {"tensors", plan.tensors.size()},
                       {"files", plan.shards.size()},
                       {"as_recorded", plan.as_recorded},
                       {"bytes", bytes}});
  } else {
    base::answer(str("exported ", opened.path.string(), " to ", given.output, ": ", plan.tensors.size(), " tensors, ",
                     format_bytes(static_cast<double>(bytes))));
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
