#include "launcher/commands/hub/card_facts.hpp"

#include <cmath>

#include "base/error.hpp"
#include "io/tokens/blend.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/options/groups.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/program/version.hpp"
#include "launcher/run_directory/metrics_series.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;
using base::str;

/// "bible" for "data/bible.h5"; a team's name as it is.
std::vector<std::string> dataset_names(const std::string& list) {
  std::vector<std::string> names;
  if (list.empty()) return names;
  for (const auto& choice : tokens::parse_dataset_list("data.train", list)) {
    names.push_back(choice.path.starts_with("team:") ? choice.path.substr(5) : Path(choice.path).stem().string());
  }
  return names;
}

/// The newest value of a field up to `step`.
void add_metric(const MetricsSeries& series, const char* field, const char* name, std::int64_t step, CardFacts& facts) {
  const SeriesField* values = series.find(field);
  if (values == nullptr) return;
  for (std::size_t i = values->rows.size(); i-- > 0;) {
    const std::int64_t at = series.steps[values->rows[i]];
    if (at > step || !std::isfinite(values->values[i])) continue;
    facts.metrics.emplace_back(name, str(number_text(values->values[i]), " at step ", at));
    return;
  }
}

Path without_slash(const Path& named) {
  const Path whole = named.lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

/// "n0" for runs/n0/ and for runs/n0/checkpoints/step_7.
std::string parent_name(const std::string& init_from) {
  Path path = without_slash(init_from);
  if (path.parent_path().filename() == "checkpoints") path = path.parent_path();
  if (path.filename() == "checkpoints") path = path.parent_path();
  return path.filename().string();
}

void add_metrics(base::FileSystem& files, const Path& step_directory, std::int64_t step, CardFacts& facts) {
  const Path step_path = without_slash(std::filesystem::absolute(step_directory));
  if (step_path.parent_path().filename() != "checkpoints") return;
  try {
    const MetricsSeries series =
        read_series(files, step_path.parent_path().parent_path() / "metrics.jsonl", {"loss", "valid_loss"});
    add_metric(series, "loss", "training loss", step, facts);
    add_metric(series, "valid_loss", "validation loss", step, facts);
  } catch (const base::Error&) {
    // A card without numbers is still a card.
  }
}

void add_training(const options::RunOptions& run, const checkpoint::Manifest& manifest, CardFacts& facts) {
  const auto sequence = run.model.sequence.value_or(0);
  facts.training = {{"steps", str(manifest.step)},
                    {"sequences per step", str(run.train.global_batch)},
                    {"tokens per sequence", str(sequence)},
                    {"learning rate", str(run.optimizer.lr, " (", run.optimizer.lr_schedule, ")")},
                    {"optimizer", options::describe_optimizers(run)},
                    {"precision", run.train.precision},
                    {"seed", str(run.run.seed)}};
}

}  // namespace

CardFacts card_facts(base::FileSystem& files, const checkpoint::OpenedCheckpoint& opened,
                     const std::optional<HubRecord>& record, const spec::ModelConfig& model, const Path& output) {
  const options::RunOptions run = options::parse_run_options(opened.manifest.options, opened.path.string());
  CardFacts facts;
  facts.name = without_slash(std::filesystem::absolute(output)).filename().string();
  if (record) {
    facts.parent = record->name;
    facts.parent_card = record->text("README.md").value_or("");
  } else {
    facts.parent = parent_name(run.model.init_from);
  }
  facts.arch = model.arch;
  for (const auto& tensor : opened.table.tensors) {
    if (tensor.slot == checkpoint::kParam) {
      facts.parameters += static_cast<std::uint64_t>(topology::elements_of(tensor.shape));
    }
  }
  facts.sequence = model.sequence;
  facts.vocabulary = model.vocab;
  facts.step = opened.manifest.step;
  facts.program = "Trireme " + library_versions().front().built_with;
  if (facts.step == 0) return facts;
  facts.datasets = dataset_names(run.data.train);
  add_training(run, opened.manifest, facts);
  add_metrics(files, opened.path, facts.step, facts);
  return facts;
}

}  // namespace trireme::launcher
