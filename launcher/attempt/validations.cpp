#include "launcher/attempt/validations.hpp"

#include <algorithm>
#include <cmath>

#include "io/tokens/batch_plan.hpp"
#include "launcher/inference/text_generation.hpp"

namespace trireme::launcher {

Validations::Validations(Session& session, AttemptParts& parts, StepLog& log)
    : session_(session), parts_(parts), resolved_(session.resolved()), log_(log) {}

void Validations::find() {
  all_ = parts_.keeper->validations();
  newest_step_ = all_.empty() ? 0 : all_.back().step;
  session_.world().control().broadcast(&newest_step_, 1, collectives::DataType::kInt64, 0);
}

bool Validations::due(std::int64_t step) const {
  const std::int64_t every = resolved_.options.log.valid_every_steps;
  if (parts_.input.valid == nullptr || step == 0) return false;
  return step == resolved_.steps || (every > 0 && step % every == 0);
}

std::int64_t Validations::validate(std::int64_t step) {
  const tokens::DataSource& valid = *parts_.input.valid;
  const std::uint64_t count = tokens::validation_count(valid.samples(), resolved_.options.log.valid_samples);
  std::int64_t stop = 0;
  const auto done = session_.validate(valid, count, [&] { return (stop = parts_.stops.agree()) == 0; });
  if (!done) return stop;
  newest_step_ = step;
  all_.push_back({step, done->loss});
  log_.validated(step, done->loss, done->targets);
  write_samples(step);
  return 0;
}

bool Validations::newest_is_best() const {
  // Rank 0 knows the validations of earlier attempts.
  std::int64_t best = 0;
  if (!all_.empty() && all_.back().step == newest_step_ && !std::isnan(all_.back().loss)) {
    const double loss = all_.back().loss;
    best = std::all_of(all_.begin(), all_.end() - 1, [&](const Validation& one) { return !(one.loss <= loss); });
  }
  session_.world().control().broadcast(&best, 1, collectives::DataType::kInt64, 0);
  return best != 0;
}

// The samples that are missing when a stop comes are not made later. As `trireme generate --temperature 0.8 --seed
// SEED` would write it.
void Validations::write_samples(std::int64_t step) {
  if (!parts_.input.prompts) return;
  const text::Tokenizer& tokenizer = parts_.input.prompts->tokenizer;
  GenerationOptions options;
  options.sampling = {.temperature = 0.8, .seed = static_cast<std::uint64_t>(resolved_.options.run.seed)};
  if (const auto end = tokenizer.end_of_text()) options.ends.insert(*end);
  for (const SamplePrompt& prompt : parts_.input.prompts->prompts) {
    if (parts_.stops.agree() != 0) return;  // the loop ends at its next boundary
    parts_.watchdog.beat(step);
    const auto texts = generate_texts(session_, tokenizer, {{prompt.tokens, prompt.count}}, options);
    log_.sampled(step, prompt.text, texts.empty() ? "" : texts.front().text);  // the log is rank 0's
  }
}

}  // namespace trireme::launcher
