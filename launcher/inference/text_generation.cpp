#include "launcher/inference/text_generation.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "launcher/inference/text_writer.hpp"

namespace trireme::launcher {
namespace {

/// The end of a text, where a token would be.
constexpr std::int64_t kEnded = -1;

/// A text that is being written.
struct Text {
  std::size_t prompt = 0;
  int slot = 0;
  std::int64_t next = 0;               ///< the token that was chosen last, and that the model has not read yet
  std::unique_ptr<TextWriter> writer;  ///< on rank 0
};

class Writing {
 public:
  Writing(pipeline::Inference& model, collectives::Communicator* control, const text::Tokenizer& tokenizer,
          const std::vector<Prompt>& prompts, const GenerationOptions& options, const GenerationEvents& events)
      : generation_(model.generation()),
        control_(control),
        tokenizer_(tokenizer),
        prompts_(prompts),
        options_(options),
        events_(events),
        chooses_(control == nullptr || control->rank() == 0),
        completions_(chooses_ ? prompts.size() : 0) {}

  std::vector<Completion> run() {
    while (waiting_ < prompts_.size() || !texts_.empty()) {
      std::vector<at::Tensor> logits = advance();
      start_texts(logits);
      choose(logits);
    }
    return std::move(completions_);
  }

 private:
  /// Returns the logits behind the last token of each text.
  std::vector<at::Tensor> advance() {
    if (texts_.empty()) return {};
    std::vector<int> slots;
    std::vector<std::int64_t> tokens;
    for (const Text& text : texts_) {
      slots.push_back(text.slot);
      tokens.push_back(text.next);
    }
    return generation_.advance(slots, tokens).unbind(0);
  }

  /// Fills the free places with the next prompts, and adds the logits behind them.
  void start_texts(std::vector<at::Tensor>& logits) {
    for (; std::ssize(texts_) < options_.batch && waiting_ < prompts_.size(); ++waiting_) {
      const Prompt& prompt = prompts_[waiting_];
      if (prompt.max_tokens < 1) {
        ended(waiting_, {});
        continue;
      }
      Text text{waiting_, generation_.open(std::ssize(prompt.tokens) + prompt.max_tokens), 0, nullptr};
      const std::vector<std::int64_t> tokens(prompt.tokens.begin(), prompt.tokens.end());
      logits.push_back(generation_.append(text.slot, tokens));
      if (chooses_) text.writer = std::make_unique<TextWriter>(tokenizer_, prompt, options_, show(waiting_));
      texts_.push_back(std::move(text));
    }
  }

  TextWriter::Show show(std::size_t prompt) const {
    if (!events_.on_text) return {};
    return [this, prompt](std::string_view piece) { events_.on_text(prompt, piece); };
  }

  /// Chooses the next token of each text, and takes out the texts that are complete.
  void choose(const std::vector<at::Tensor>& logits) {
    std::vector<std::int64_t> chosen(texts_.size() + 1, kEnded);  // the last one: whether all texts are stopped
    if (chooses_) {
      const bool stopped = events_.stopped && events_.stopped();
      chosen.back() = stopped ? 1 : 0;
      for (std::size_t i = 0; i < texts_.size(); ++i) {
        if (stopped) {
          texts_[i].writer->stop();
        } else {
          chosen[i] = next_token(texts_[i], logits[i]);
        }
      }
    }
    if (control_ != nullptr) {
      control_->broadcast(chosen.data(), chosen.size(), collectives::DataType::kInt64, 0);
    }
    if (chosen.back() == 1) cancel_waiting();
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      texts_[i].next = chosen[i];
      if (chosen[i] != kEnded) continue;
      generation_.release(texts_[i].slot);
      if (chooses_) ended(texts_[i].prompt, texts_[i].writer->completion());
    }
    std::erase_if(texts_, [](const Text& text) { return text.next == kEnded; });
  }

  /// Ends the texts that were not started.
  void cancel_waiting() {
    for (; waiting_ < prompts_.size(); ++waiting_) ended(waiting_, {"", {}, StopReason::kStopped});
  }

  std::int64_t next_token(Text& text, const at::Tensor& logits) {
    const Prompt& prompt = prompts_[text.prompt];
    Sampling sampling = options_.sampling;
    sampling.index = prompt.index;
    const std::int64_t known = std::min(logits.numel(), static_cast<std::int64_t>(tokenizer_.vocabulary_size()));
    const std::int64_t position = std::ssize(prompt.tokens) + std::ssize(text.writer->completion().tokens);
    const std::span<const float> of_known(logits.const_data_ptr<float>(), static_cast<std::size_t>(known));
    const std::int64_t token = choose_token(of_known, sampling, position);
    return text.writer->push(static_cast<std::uint32_t>(token)) ? token : kEnded;
  }

  void ended(std::size_t prompt, const Completion& completion) {
    if (!chooses_) return;
    completions_[prompt] = completion;
    if (events_.on_end) events_.on_end(prompt, completion);
  }

  pipeline::Generation generation_;
  collectives::Communicator* control_;
  const text::Tokenizer& tokenizer_;
  const std::vector<Prompt>& prompts_;
  const GenerationOptions& options_;
  const GenerationEvents& events_;
  const bool chooses_;  ///< rank 0
  std::vector<Completion> completions_;
  std::size_t waiting_ = 0;  ///< the first prompt that no text was started for
  std::vector<Text> texts_;
};

}  // namespace

std::vector<Completion> generate_texts(pipeline::Inference& model, collectives::Communicator* control,
                                       const text::Tokenizer& tokenizer, const std::vector<Prompt>& prompts,
                                       const GenerationOptions& options, const GenerationEvents& events) {
  return Writing(model, control, tokenizer, prompts, options, events).run();
}

}  // namespace trireme::launcher
