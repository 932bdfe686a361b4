// Rewrites text before it is split into words, as the normalizers of Hugging Face tokenizers do.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {

/// One step of a normalizer. Immutable and thread-safe.
class TextRewriter {
 public:
  virtual ~TextRewriter() = default;

  /// Writes the rewritten `text` (well-formed UTF-8) to `out` and returns true; or returns false and leaves `out`
  /// unspecified when nothing changes. `place` tells whether the text begins a document or goes on with one.
  virtual bool apply(std::string_view text, TextPlace place, std::string& out) const = 0;
};

/// The steps of a tokenizer's normalizer, one after another. Immutable and thread-safe.
class Normalizer {
 public:
  /// Throws InputError for a pattern that cannot be read as Hugging Face tokenizers do.
  explicit Normalizer(const std::vector<NormalizerStep>& steps);

  bool empty() const noexcept { return steps_.empty(); }

  /// Buffers for one thread.
  struct Buffers {
    std::string first, second;
  };

  /// Returns `text` itself or a view of a buffer.
  std::string_view apply(std::string_view text, TextPlace place, Buffers& buffers) const;

 private:
  std::vector<std::unique_ptr<TextRewriter>> steps_;
};

/// BertNormalizer's step: cleans text, puts spaces around Chinese characters, strips accents, makes it lower case.
std::unique_ptr<TextRewriter> make_bert_rewriter(const NormalizerStep& step);

/// Replace: each match becomes the step's content. An empty match is an InputError: when the rewriter is made if an
/// empty text has one, else when a text has one.
std::unique_ptr<TextRewriter> make_replacer(const NormalizerStep& step);

}  // namespace trireme::text
