// Reads the sections of a tokenizer.json; parse_tokenizer_json() is what others call.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {

/// How many times as long normalizers and decoders may make a text: enough for every public one, and far from filling
/// the memory.
inline constexpr int kMostGrowth = 256;

/// It uses nlohmann::json, since base::Json (an ordered object) is quadratic in a vocabulary's size.
class TokenizerJsonReader {
 public:
  using Json = nlohmann::json;

  /// Both must outlive the reader; `name` stands for the file in errors.
  TokenizerJsonReader(const Json& json, const std::string& name) : json_(json), name_(name) {}

  /// Throws InputError as parse_tokenizer_json(), and Json::exception for members of wrong types.
  TokenizerDefinition read();

 private:
  [[noreturn]] void refuse(const std::string& what) const;
  /// Refuses a step of this section.
  [[noreturn]] void refuse_step(const char* section, const std::string& type) const;

  static const Json& member(const Json& object, const char* key);
  static std::string type_of(const Json& object);
  bool flag(const Json& object, const char* key, bool otherwise) const;
  std::size_t number(const Json& object, const char* key, std::size_t otherwise) const;
  std::uint32_t id(const Json& value, const std::string& of) const;
  /// A text that must not be empty.
  std::string filled_text(const Json& object, const char* key) const;
  /// A text of one character.
  std::string character(const Json& object, const char* key) const;
  /// A text on which ids depend; refuses half of a surrogate pair.
  const std::string& whole(const std::string& text) const;
  std::string text(const Json& object, const char* key) const;
  std::string text(const Json& object, const char* key, const char* otherwise) const;
  /// The steps of a section: itself, or those of a Sequence (`list` names its member) and of Sequences in it.
  std::vector<const Json*> steps(const Json& section, const char* list, int depth = 0) const;

  // tokenizer_json.cpp
  void read_model(const Json& model);
  void read_bpe(const Json& model);
  void read_word_piece(const Json& model);
  void read_vocabulary(const Json& vocabulary);
  void read_merges(const Json& merges);
  void check_metaspace() const;
  void read_added_tokens(const Json& tokens);

  // tokenizer_json_steps.cpp
  void read_normalizer(const Json& section);
  NormalizerStep normalizer_step(const Json& step) const;
  void read_pre_tokenizer(const Json& section);
  SplitStep split_step(const Json& step) const;
  SplitBehavior behavior(const Json& step) const;
  Metaspace metaspace(const Json& step) const;

  // tokenizer_json_decoder.cpp
  void read_decoder(const Json& section);
  DecoderStep decoder_step(const Json& step, bool fused) const;
  void read_post_processor(const Json& section);
  Wrapping template_wrapping(const Json& step) const;
  Wrapping fixed_wrapping(const Json& step, bool roberta) const;
  std::vector<std::uint32_t> template_ids(const Json& step, const Json& piece) const;

  const Json& json_;
  const std::string& name_;
  TokenizerDefinition result_;
};

}  // namespace trireme::text
