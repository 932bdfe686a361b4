#include "io/text/normalize/normalizer.hpp"

#include "io/text/normalize/code_point_traits.hpp"
#include "io/text/normalize/normal_form.hpp"

namespace trireme::text {
namespace {

class FormRewriter final : public TextRewriter {
 public:
  FormRewriter(bool compose, bool compatibility) : form_(compose, compatibility) {}
  bool apply(std::string_view text, TextPlace /*place*/, std::string& out) const override {
    return form_.apply(text, out);
  }

 private:
  NormalForm form_;
};

class LowercaseRewriter final : public TextRewriter {
 public:
  bool apply(std::string_view text, TextPlace /*place*/, std::string& out) const override {
    out.clear();
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
      const char c = text[i];
      if (static_cast<unsigned char>(c) < 0x80) {
        out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
        ++i;
        continue;
      }
      const CodePoint point = decode_code_point(text.data() + i);
      if (traits_[point.value] & kCased) {
        append_lower_case(point.value, out);
      } else {
        out.append(text, i, point.length);
      }
      i += point.length;
    }
    return true;
  }

 private:
  const CodePointTraits& traits_ = CodePointTraits::get();
};

class StripRewriter final : public TextRewriter {
 public:
  StripRewriter(bool left, bool right) : left_(left), right_(right) {}
  bool apply(std::string_view text, TextPlace /*place*/, std::string& out) const override {
    const std::size_t before = text.size();
    std::uint32_t length;
    while (left_ && !text.empty() && (traits_.at(text.data(), length) & kBlank)) text.remove_prefix(length);
    while (right_ && !text.empty()) {
      std::size_t last = text.size() - 1;
      while ((static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
      if (!(traits_.at(text.data() + last, length) & kBlank)) break;
      text.remove_suffix(text.size() - last);
    }
    if (text.size() == before) return false;
    out.assign(text);
    return true;
  }

 private:
  const CodePointTraits& traits_ = CodePointTraits::get();
  bool left_, right_;
};

class MarkRemover final : public TextRewriter {
 public:
  bool apply(std::string_view text, TextPlace /*place*/, std::string& out) const override {
    bool changed = false;
    std::size_t taken = 0;
    for (std::size_t i = 0; i < text.size();) {
      if (static_cast<unsigned char>(text[i]) < 0x80) {
        ++i;
        continue;
      }
      std::uint32_t length;
      const bool mark = traits_.at(text.data() + i, length) & kCombiningMark;
      if (mark) {
        if (!changed) out.clear();
        changed = true;
        out.append(text, taken, i - taken);
        taken = i + length;
      }
      i += length;
    }
    if (changed) out.append(text, taken);
    return changed;
  }

 private:
  const CodePointTraits& traits_ = CodePointTraits::get();
};

class Prepender final : public TextRewriter {
 public:
  explicit Prepender(std::string content) : content_(std::move(content)) {}
  bool apply(std::string_view text, TextPlace place, std::string& out) const override {
    if (text.empty() || place == TextPlace::kContinuation) return false;
    out.reserve(content_.size() + text.size());
    out.assign(content_).append(text);
    return true;
  }

 private:
  std::string content_;
};

std::unique_ptr<TextRewriter> make_step(const NormalizerStep& step) {
  using Kind = NormalizerStep::Kind;
  switch (step.kind) {
    case Kind::kNfc: return std::make_unique<FormRewriter>(true, false);
    case Kind::kNfd: return std::make_unique<FormRewriter>(false, false);
    case Kind::kNfkc: return std::make_unique<FormRewriter>(true, true);
    case Kind::kNfkd: return std::make_unique<FormRewriter>(false, true);
    case Kind::kLowercase: return std::make_unique<LowercaseRewriter>();
    case Kind::kStrip: return std::make_unique<StripRewriter>(step.left, step.right);
    case Kind::kStripAccents: return std::make_unique<MarkRemover>();
    case Kind::kReplace: return make_replacer(step);
    case Kind::kPrepend: return std::make_unique<Prepender>(step.content);
    case Kind::kBert: return make_bert_rewriter(step);
  }
  return nullptr;
}

}  // namespace

Normalizer::Normalizer(const std::vector<NormalizerStep>& steps) {
  steps_.reserve(steps.size());
  for (const NormalizerStep& step : steps) steps_.push_back(make_step(step));
}

std::string_view Normalizer::apply(std::string_view text, TextPlace place, Buffers& buffers) const {
  // `text` lies in `taken` from the first change on, and the next step writes to the other buffer.
  std::string* free = &buffers.first;
  std::string* taken = &buffers.second;
  for (const auto& step : steps_) {
    if (!step->apply(text, place, *free)) continue;
    text = *free;
    std::swap(free, taken);
  }
  return text;
}

}  // namespace trireme::text
