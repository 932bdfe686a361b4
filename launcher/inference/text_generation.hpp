// Text that a model writes: for many prompts of different lengths, some of them at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "collectives/communicator.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/inference/generation_options.hpp"
#include "launcher/session/session.hpp"
#include "models/pipeline/inference.hpp"

namespace trireme::launcher {

/// Called on rank 0. Each may be empty.
struct GenerationEvents {
  /// A new piece of the text of a prompt, in whole characters: the pieces of a prompt together are its text.
  std::function<void(std::size_t prompt, std::string_view piece)> on_text;
  /// The text of a prompt is complete. Prompts end in any order.
  std::function<void(std::size_t prompt, const Completion& completion)> on_end;
  /// Asked before each token: true ends all texts where they are, and those that have not begun stay empty.
  std::function<bool()> stopped;
};

/// Collective; prompts and options are the same on all ranks. Writes a text for each prompt; where one ends the next
/// prompt takes its place. Rank 0 chooses the tokens, among those that the tokenizer knows. A prompt's text does not
/// depend on the other prompts (pipeline::Generation). Returns the texts in the order of the
/// prompts on rank 0, and nothing on the others. Throws base::InputError for a model that cannot write text. `control`:
/// a host communicator of all ranks; null with one rank.
std::vector<Completion> generate_texts(pipeline::Inference& model, collectives::Communicator* control,
                                       const text::Tokenizer& tokenizer, const std::vector<Prompt>& prompts,
                                       const GenerationOptions& options, const GenerationEvents& events = {});

inline std::vector<Completion> generate_texts(Session& session, const text::Tokenizer& tokenizer,
                                              const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                              const GenerationEvents& events = {}) {
  return generate_texts(session.model(), &session.world().control(), tokenizer, prompts, options, events);
}

}  // namespace trireme::launcher
