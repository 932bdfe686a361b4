// BertNormalizer, in the order of Hugging Face tokenizers: clean, part Chinese characters, strip accents, lower case.
#include <array>

#include "io/text/normalize/code_point_traits.hpp"
#include "io/text/normalize/normal_form.hpp"
#include "io/text/normalize/normalizer.hpp"

namespace trireme::text {
namespace {

/// The ranges that BERT takes for Chinese: CJK ideographs, without kana and hangul.
bool is_chinese(std::uint32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

class BertRewriter final : public TextRewriter {
 public:
  explicit BertRewriter(const NormalizerStep& step) : step_(step), form_(false, false) {
    for (unsigned c = 0; c < 128; ++c) {
      const std::uint16_t traits = traits_[c];
      ascii_[c] = static_cast<char>(c);
      if (step.clean && (traits & kBlank || c == '\t' || c == '\n' || c == '\r')) ascii_[c] = ' ';
      removed_[c] = step.clean && (traits & kControl) && c != '\t' && c != '\n' && c != '\r';
      // An early lower case changes nothing: no ASCII letter comes from or joins a mark here, since NFD only takes
      // characters apart.
      if (step.lowercase && c >= 'A' && c <= 'Z') ascii_[c] = static_cast<char>(c + 32);
    }
  }

  bool apply(std::string_view text, TextPlace /*place*/, std::string& out) const override {
    if (!rewrite_characters(text, out)) return true;
    if (step_.strip_accents) strip_accents(out);
    if (step_.lowercase) lower_case(out);
    return true;
  }

 private:
  /// Cleans, parts Chinese characters and makes ASCII letters small; returns whether other letters are left.
  bool rewrite_characters(std::string_view text, std::string& out) const {
    out.resize(text.size());  // grown below for the spaces beside Chinese characters
    bool others = false;
    std::size_t size = 0;
    for (std::size_t i = 0; i < text.size();) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < 0x80) {
        out[size] = ascii_[byte];
        size += removed_[byte] ? 0 : 1;
        ++i;
        continue;
      }
      const CodePoint point = decode_code_point(text.data() + i);
      const std::string_view character = text.substr(i, point.length);
      i += point.length;
      const std::uint16_t traits = traits_[point.value];
      if (step_.clean && (traits & kControl)) continue;
      if (step_.clean && (traits & kBlank)) {
        out[size++] = ' ';
        continue;
      }
      others = true;
      const bool parted = step_.part_chinese && is_chinese(point.value);
      if (parted) {
        // Room for two more bytes and all that is left.
        if (out.size() < size + 2 + character.size() + (text.size() - i)) out.resize(out.size() + out.size() / 2 + 8);
        out[size++] = ' ';
      }
      size += character.copy(out.data() + size, character.size());
      if (parted) out[size++] = ' ';
    }
    out.resize(size);
    return others;
  }

  void strip_accents(std::string& text) const {
    std::string decomposed;
    if (form_.apply(text, decomposed)) text.swap(decomposed);
    std::size_t size = 0;
    for (std::size_t i = 0; i < text.size();) {
      if (static_cast<unsigned char>(text[i]) < 0x80) {
        text[size++] = text[i++];
        continue;
      }
      std::uint32_t length;
      const bool removed = traits_.at(text.data() + i, length) & kNonspacingMark;
      for (std::uint32_t k = 0; !removed && k < length; ++k) text[size++] = text[i + k];
      i += length;
    }
    text.resize(size);
  }

  void lower_case(std::string& text) const {
    std::string small;
    small.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < 0x80) {  // small already, unless taking a character apart made it
        small.push_back(byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : text[i]);
        ++i;
        continue;
      }
      const CodePoint point = decode_code_point(text.data() + i);
      if (traits_[point.value] & kCased) {
        append_lower_case(point.value, small);
      } else {
        small.append(text, i, point.length);
      }
      i += point.length;
    }
    text.swap(small);
  }

  const CodePointTraits& traits_ = CodePointTraits::get();
  NormalizerStep step_;
  NormalForm form_;
  std::array<char, 128> ascii_{};
  std::array<bool, 128> removed_{};
};

}  // namespace

std::unique_ptr<TextRewriter> make_bert_rewriter(const NormalizerStep& step) {
  return std::make_unique<BertRewriter>(step);
}

}  // namespace trireme::text
