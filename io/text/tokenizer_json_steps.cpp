// The normalizer and the pre-tokenizer of a tokenizer.json.
#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "io/text/tokenizer_json_reader.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {

using base::str;

namespace {

/// How many times as long a step may make a text. For normal forms and lower case that is the worst character's.
double growth_of(const NormalizerStep& step) {
  using Kind = NormalizerStep::Kind;
  switch (step.kind) {
    case Kind::kNfc:
    case Kind::kNfd: return 3;
    case Kind::kNfkc:
    case Kind::kNfkd: return 11;
    case Kind::kLowercase: return 1.5;
    case Kind::kBert: return 5;  // spaces around a Chinese character, then NFD
    case Kind::kReplace: {
      const double shortest = step.regular ? 1 : static_cast<double>(step.pattern.size());
      return std::max(1.0, static_cast<double>(step.content.size()) / shortest + (step.regular ? 1 : 0));
    }
    case Kind::kStrip:
    case Kind::kStripAccents:
    case Kind::kPrepend: return 1;
  }
  return 1;
}

}  // namespace

void TokenizerJsonReader::read_normalizer(const Json& section) {
  double growth = 1;  // how many times as long a text may become
  for (const Json* json : steps(section, "normalizers")) {
    const NormalizerStep step = normalizer_step(*json);
    growth *= growth_of(step);
    constexpr std::size_t kLongest = 1024;
    if (growth > kMostGrowth || step.content.size() > kLongest) {
      refuse(str("its normalizer would make texts more than ", kMostGrowth, " times as long"));
    }
    result_.normalizer.push_back(step);
  }
}

NormalizerStep TokenizerJsonReader::normalizer_step(const Json& step) const {
  using Kind = NormalizerStep::Kind;
  constexpr std::array<std::pair<const char*, Kind>, 10> kKinds = {{{"NFC", Kind::kNfc},
                                                                    {"NFD", Kind::kNfd},
                                                                    {"NFKC", Kind::kNfkc},
                                                                    {"NFKD", Kind::kNfkd},
                                                                    {"Lowercase", Kind::kLowercase},
                                                                    {"Strip", Kind::kStrip},
                                                                    {"StripAccents", Kind::kStripAccents},
                                                                    {"Replace", Kind::kReplace},
                                                                    {"Prepend", Kind::kPrepend},
                                                                    {"BertNormalizer", Kind::kBert}}};
  const std::string type = type_of(step);
  const auto known = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return type == kind.first; });
  if (known == kKinds.end()) refuse_step("normalizer", type);
  NormalizerStep result;
  result.kind = known->second;
  if (result.kind == Kind::kStrip) {
    result.left = flag(step, "strip_left", true);
    result.right = flag(step, "strip_right", true);
  } else if (result.kind == Kind::kPrepend) {
    result.content = filled_text(step, "prepend");
  } else if (result.kind == Kind::kReplace) {
    const Json& pattern = member(step, "pattern");
    result.regular = pattern.is_object() && pattern.contains("Regex");
    if (!pattern.is_object()) refuse("its normalizer has a Replace step without pattern");
    result.pattern = result.regular ? text(pattern, "Regex") : filled_text(pattern, "String");
    result.content = text(step, "content");
  } else if (result.kind == Kind::kBert) {
    result.clean = flag(step, "clean_text", true);
    result.part_chinese = flag(step, "handle_chinese_chars", true);
    result.lowercase = flag(step, "lowercase", true);
    result.strip_accents = flag(step, "strip_accents", result.lowercase);
  }
  return result;
}

void TokenizerJsonReader::read_pre_tokenizer(const Json& section) {
  const std::vector<const Json*> all = steps(section, "pretokenizers");
  result_.byte_level = false;
  result_.use_gpt2_pattern = false;
  for (const Json* step : all) {
    const std::string type = type_of(*step);
    if (type != "ByteLevel" && type != "Metaspace") {
      result_.splits.push_back(split_step(*step));
      continue;
    }
    if (step != all.back()) refuse(str("its pre_tokenizer has steps after ", type, ", which Trireme does not read"));
    if (type == "Metaspace") {
      result_.metaspace = metaspace(*step);
    } else {
      result_.byte_level = true;
      result_.add_prefix_space = flag(*step, "add_prefix_space", true);
      result_.use_gpt2_pattern = flag(*step, "use_regex", true);
    }
  }
}

SplitStep TokenizerJsonReader::split_step(const Json& step) const {
  using Kind = SplitStep::Kind;
  const std::string type = type_of(step);
  SplitStep result;
  if (type == "Split") {
    const Json& pattern = member(step, "pattern");
    if (!pattern.is_object()) refuse("its pre_tokenizer has a Split step without pattern");
    result.kind = pattern.contains("Regex") ? Kind::kPattern : Kind::kLiteral;
    result.pattern = result.kind == Kind::kPattern ? text(pattern, "Regex") : filled_text(pattern, "String");
    result.behavior = behavior(step);
    result.invert = flag(step, "invert", false);
  } else if (type == "CharDelimiterSplit") {
    result.kind = Kind::kLiteral;
    result.pattern = character(step, "delimiter");
    result.behavior = SplitBehavior::kRemoved;
  } else if (type == "Digits") {
    result.kind = Kind::kDigits;
    result.behavior = flag(step, "individual_digits", false) ? SplitBehavior::kIsolated : SplitBehavior::kContiguous;
  } else if (type == "Punctuation") {
    result.kind = Kind::kPunctuation;
    result.behavior = member(step, "behavior").is_null() ? SplitBehavior::kIsolated : behavior(step);
  } else if (type == "Whitespace") {
    result.kind = Kind::kWhitespace;
  } else if (type == "WhitespaceSplit") {
    result.kind = Kind::kWhitespaceSplit;
  } else if (type == "BertPreTokenizer") {
    result.kind = Kind::kBert;
  } else {
    refuse_step("pre_tokenizer", type);
  }
  return result;
}

SplitBehavior TokenizerJsonReader::behavior(const Json& step) const {
  const std::string name = text(step, "behavior");
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  refuse(str("its pre_tokenizer has the behavior ", name, ", which Trireme does not know"));
}

Metaspace TokenizerJsonReader::metaspace(const Json& step) const {
  Metaspace result;
  result.mark = character(step, "replacement");
  const std::string scheme = text(step, "prepend_scheme", "always");
  if (!flag(step, "add_prefix_space", true) && scheme != "never") {  // older files have both
    refuse(str("its Metaspace has add_prefix_space false and the prepend_scheme ", scheme,
               ", on which Hugging Face tokenizers fail: set that to never"));
  }
  if (scheme == "never") {
    result.prepend = Metaspace::Prepend::kNever;
  } else if (scheme == "first") {
    result.prepend = Metaspace::Prepend::kFirst;
  } else if (scheme != "always") {
    refuse(str("its Metaspace has the prepend_scheme ", scheme, ", which Trireme does not know"));
  }
  result.split = flag(step, "split", true);
  return result;
}

}  // namespace trireme::text
