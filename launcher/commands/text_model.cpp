#include "launcher/commands/text_model.hpp"

#include <utility>

#include "collectives/ops/text.hpp"
#include "launcher/inference/end_tokens.hpp"
#include "launcher/inference/prompt_lines.hpp"

namespace trireme::launcher {
namespace {

ModelInput prepare(collectives::MpiWorld& world, base::FileSystem& files, const options::RunArguments& run,
                   const std::string& checkpoint, const base::Log& log, std::unique_ptr<Device>& device) {
  ModelSource source = share_model(world, files, run, checkpoint, log);
  device = std::make_unique<Device>(world, source.options.train.device, log);
  ModelUse use;
  use.tokenizer = true;
  return prepare_model(world, files, std::move(source), use, *device, log);
}

}  // namespace

TextModel::TextModel(collectives::MpiWorld& world, base::FileSystem& files, const options::RunArguments& run,
                     const std::string& checkpoint, const base::Log& log)
    : world_(world),
      files_(files),
      input_(prepare(world, files, run, checkpoint, log, device_)),
      tokenizer_(text::Tokenizer::parse(input_.tokenizer_json)) {}

void TextModel::load() {
  session_ = std::make_unique<Session>(world_, input_.resolved, *device_, Purpose::kInference);
  load_model(*session_, files_, input_.source);
}

std::vector<Completion> TextModel::write(const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                         const GenerationEvents& events) {
  const std::string bytes = collectives::share_text(world_.control(), to_bytes(prompts));
  return generate_texts(*session_, tokenizer_, prompts_of(bytes), options, events);
}

void TextModel::finish() { session_->finish(); }

GenerationOptions generation_options(const options::DrawingOptions& drawing, const TextModel& model, bool chat) {
  GenerationOptions options;
  options.sampling = {drawing.temperature, drawing.top_k, drawing.top_p, static_cast<std::uint64_t>(drawing.seed)};
  options.stop_words = drawing.stop;
  options.ends = end_tokens(model.source().texts, model.tokenizer(), chat);
  return options;
}

}  // namespace trireme::launcher
