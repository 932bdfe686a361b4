// One text as its tokens come: the pieces that can be shown, and where it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "io/text/text_stream.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/inference/generation_options.hpp"
#include "launcher/inference/stop_words.hpp"

namespace trireme::launcher {

class TextWriter {
 public:
  using Show = std::function<void(std::string_view piece)>;

  /// `prompt` and `options` must outlive it. `show` gets new pieces of the text; may be empty.
  TextWriter(const text::Tokenizer& tokenizer, const Prompt& prompt, const GenerationOptions& options, Show show);

  /// Takes the next token. Returns false when the text is complete: completion() is final then.
  bool push(std::uint32_t token);
  /// Ends the text where it is.
  void stop();
  const Completion& completion() const { return completion_; }

 private:
  void add(std::string_view text);
  bool end(StopReason reason);

  const Prompt& prompt_;
  const GenerationOptions& options_;
  Show show_;
  text::TextStream stream_;
  StopWords stop_words_;
  Completion completion_;
};

}  // namespace trireme::launcher
