// Text to token ids: added tokens, normalizer, pre-tokenizer, model.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "io/text/added_tokens.hpp"
#include "io/text/model/word_model.hpp"
#include "io/text/normalize/normalizer.hpp"
#include "io/text/split/splitter.hpp"
#include "io/text/word_cache.hpp"

namespace trireme::text {

/// Immutable; many threads may encode at once, each with buffers of its own.
class Encoder {
 public:
  /// `definition` and `ids`, its vocabulary without the added tokens, must outlive the encoder. Throws InputError for
  /// what cannot be done as Hugging Face tokenizers do it.
  Encoder(const TokenizerDefinition& definition, const IdsBySpelling& ids);
  ~Encoder();

  /// Tokenizer::encode().
  void encode(std::string_view text, TextPlace place, std::vector<std::uint32_t>& ids) const;

 private:
  struct Workspace;
  /// A part of a text: whether it begins where the text does, and what the text is.
  struct Part {
    std::string_view text;
    bool first;
    TextPlace place;
  };

  void make_splitters();
  void encode_between(Part part, std::vector<std::uint32_t>& ids, Workspace& workspace) const;
  void encode_split(Part part, std::size_t step, std::vector<std::uint32_t>& ids, Workspace& workspace) const;
  std::string_view marked(Part part, Workspace& workspace) const;
  void encode_words(std::string_view text, const std::vector<std::uint32_t>& lengths, std::vector<std::uint32_t>& ids,
                    Workspace& workspace) const;
  void encode_kept_words(std::string_view text, const std::vector<std::uint32_t>& lengths,
                         std::vector<std::uint32_t>& ids, Workspace& workspace) const;
  std::size_t encode_word(std::string_view word, bool readable, std::uint32_t* out, Workspace& workspace) const;

  std::unique_ptr<Workspace> take_workspace() const;
  void give_back(std::unique_ptr<Workspace> workspace) const;

  const TokenizerDefinition& definition_;
  Normalizer normalizer_;
  std::shared_ptr<const UnicodeClasses> classes_;
  AddedTokenFinder first_added_, second_added_;
  std::unique_ptr<WordModel> model_;
  std::vector<std::unique_ptr<Splitter>> splitters_;
  mutable std::mutex workspaces_mutex_;
  mutable std::vector<std::unique_ptr<Workspace>> workspaces_;
};

}  // namespace trireme::text
