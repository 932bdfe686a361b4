#include "launcher/submission/run_check.hpp"

#include <optional>

#include "base/error.hpp"
#include "base/own_file.hpp"
#include "io/tokens/data_source.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/options/program_text.hpp"
#include "launcher/options/stop_rule.hpp"
#include "launcher/team_data/registry.hpp"

namespace trireme::launcher {

namespace {

// What the last attempt stored; nothing when it cannot be read: the next attempt replaces it, and finds out.
std::optional<options::RunOptions> stored_options(base::FileSystem& files, const std::filesystem::path& run) {
  const std::filesystem::path stored = run / "run.ini";
  try {
    if (!files.exists(stored)) return std::nullopt;
    return options::parse_run_options(base::read_own(files, stored), stored.string());
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

bool is_finished_program(base::FileSystem& files, const std::filesystem::path& run,
                         const std::vector<slurm::Attempt>& attempts, const options::ProgramSection& program) {
  if (!slurm::is_finished(attempts)) return false;
  const auto stored = stored_options(files, run);
  return stored && options::program_command(stored->program) == options::program_command(program) &&
         options::parse_parameters(stored->program.params) == options::parse_parameters(program.params);
}

}  // namespace

std::vector<std::string> check_run(base::FileSystem& files, const options::RunOptions& options, std::int64_t ranks,
                                   bool gpus) {
  if (options.program.given()) {
    (void)options::program_command(options.program);
    return {};
  }
  if (options.data.train.empty()) {
    throw base::InputError("data.train is missing: name a token dataset (trireme prepare makes one)");
  }
  const auto train = dataset_choices(files, "data.train", options.data.train, options.data.tree);
  options::Surroundings surroundings;
  surroundings.world_size = static_cast<int>(ranks);
  surroundings.cuda = gpus;
  surroundings.dataset_vocab =
      static_cast<std::int64_t>(tokens::TokenDataset::open(files, train.front().path).vocabulary());
  options::Resolved resolved = options::resolve(options, surroundings);
  std::string tokenizer;
  constexpr std::string_view train_key = "data.train";
  for (const auto& [key, list] : {std::pair("data.train", options.data.train), {"data.valid", options.data.valid}}) {
    if (list.empty()) continue;
    for (const auto& choice : dataset_choices(files, key, list, options.data.tree)) {
      const auto dataset = tokens::TokenDataset::open(files, choice.path);
      (void)dataset.samples(resolved.model.sequence);
      if (key == train_key && options.sft.loss == "last") check_turns(dataset, tokens::LearnedTurns::kLast);
      if (tokenizer.empty()) tokenizer = dataset.tokenizer_hash();
      if (dataset.tokenizer_hash() != tokenizer) {
        throw base::InputError(base::str(choice.path,
                                         " was prepared with another tokenizer than the training data: run ",
                                         "trireme prepare on its text with the same --tokenizer"));
      }
    }
  }
  return resolved.notes;
}

bool is_finished(base::FileSystem& files, const std::filesystem::path& run, const std::vector<slurm::Attempt>& attempts,
                 const options::RunOptions& options) {
  if (options.program.given()) return is_finished_program(files, run, attempts, options.program);
  const std::string rule = options::to_string(options::parse_stop_rule(options.train.stop_when));
  const bool of_tokens = options.train.steps == 0 && !options.model.init_from.empty();
  if (!of_tokens || !files.exists(run / "run.ini")) {
    return slurm::is_finished(attempts, options::length_in_steps(options), rule);
  }
  const auto initial = stored_options(files, run);
  return initial && slurm::is_finished(attempts, options::length_in_steps(options, &initial->model), rule);
}

slurm::LayoutNeeds layout_needs(const options::RunOptions& options) {
  if (options.program.given()) {
    const bool one_process = options.program.launcher == "none";
    const std::int64_t least = options.slurm.min_nodes > 0 ? options.slurm.min_nodes : options.slurm.nodes;
    return {.any = true, .least_nodes = one_process ? 1 : least};
  }
  return {options.parallel.tp,        options.parallel.pp,       options.parallel.dp,
          options.train.global_batch, options.train.micro_batch, options.parallel.schedule == "interleaved"};
}

}  // namespace trireme::launcher
