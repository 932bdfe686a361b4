// The decoder and the post-processor of a tokenizer.json.
#include <algorithm>

#include "base/error.hpp"
#include "io/text/tokenizer_json_reader.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {

using base::str;

void TokenizerJsonReader::read_decoder(const Json& section) {
  result_.decoder.clear();
  if (section.is_null()) {
    DecoderStep join;
    join.kind = DecoderStep::Kind::kJoin;
    result_.decoder.push_back(join);
    return;
  }
  bool fused = false;  // the steps before make one token of all
  double growth = 1;   // how many times as long a token may become
  for (const Json* json : steps(section, "decoders")) {
    result_.decoder.push_back(decoder_step(*json, fused));
    const DecoderStep& step = result_.decoder.back();
    const auto kind = step.kind;
    if (kind == DecoderStep::Kind::kReplace) {
      growth *= std::max(1.0, static_cast<double>(step.content.size()) / static_cast<double>(step.pattern.size()));
    }
    if (growth > kMostGrowth) refuse(str("its decoder would make texts more than ", kMostGrowth, " times as long"));
    fused |= kind == DecoderStep::Kind::kFuse || kind == DecoderStep::Kind::kByteLevel;
  }
}

DecoderStep TokenizerJsonReader::decoder_step(const Json& step, bool fused) const {
  using Kind = DecoderStep::Kind;
  const std::string type = type_of(step);
  DecoderStep result;
  bool whole_tokens = false;  // whether the step needs them
  if (type == "Fuse") {
    result.kind = Kind::kFuse;
  } else if (type == "ByteLevel") {
    result.kind = Kind::kByteLevel;
  } else if (type == "ByteFallback") {
    result.kind = Kind::kByteFallback;
    whole_tokens = true;
  } else if (type == "Replace") {
    result.kind = Kind::kReplace;
    const Json& pattern = member(step, "pattern");
    if (!pattern.is_object() || !pattern.contains("String")) {
      refuse("its decoder has a Replace step whose pattern is no String, which Trireme does not read");
    }
    result.pattern = filled_text(pattern, "String");
    result.content = text(step, "content");
    whole_tokens = decode_code_point(result.pattern.data()).length != result.pattern.size();
  } else if (type == "Strip") {
    result.kind = Kind::kStrip;
    result.pattern = character(step, "content");
    result.start = number(step, "start", 0);
    if (number(step, "stop", 0) != 0) refuse("its decoder strips the ends of tokens, which Trireme does not do");
  } else if (type == "Metaspace") {
    const Metaspace rule = metaspace(step);
    result.kind = Kind::kMetaspace;
    result.pattern = rule.mark;
    result.flag = rule.prepend != Metaspace::Prepend::kNever;
  } else if (type == "WordPiece") {
    result.kind = Kind::kWordPiece;
    result.pattern = text(step, "prefix", "##");
    result.flag = flag(step, "cleanup", true);
    whole_tokens = true;
  } else if (type == "BPEDecoder") {
    result.kind = Kind::kBpe;
    result.pattern = text(step, "suffix", "</w>");
    whole_tokens = true;
  } else {
    refuse_step("decoder", type);
  }
  if (fused && whole_tokens)
    refuse(str("its decoder has ", type, " after a step that joins all tokens, which Trireme does not do"));
  return result;
}

void TokenizerJsonReader::read_post_processor(const Json& section) {
  Wrapping& all = result_.wrapping;
  bool wrapped = false;
  for (const Json* step : steps(section, "processors")) {
    const std::string type = type_of(*step);
    if (type == "ByteLevel") continue;  // it changes offsets only
    if (wrapped) refuse("its post_processor adds special tokens in more than one step, which Trireme does not do");
    wrapped = true;
    if (type == "TemplateProcessing") {
      all = template_wrapping(*step);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      all = fixed_wrapping(*step, type == "RobertaProcessing");
    } else {
      refuse_step("post_processor", type);
    }
  }
}

Wrapping TokenizerJsonReader::fixed_wrapping(const Json& step, bool roberta) const {
  const auto token = [&](const char* key) {
    const Json& pair = member(step, key);
    if (!pair.is_array() || pair.size() != 2) refuse(str(key, " of its post_processor is not a token and its id"));
    return id(pair[1], str("token ", key, " of its post_processor"));
  };
  const std::uint32_t begin = token("cls"), end = token("sep");
  Wrapping result{{begin}, {end}, {end}, {end}, {begin}};
  if (roberta) result.between.push_back(end);
  return result;
}

std::vector<std::uint32_t> TokenizerJsonReader::template_ids(const Json& step, const Json& piece) const {
  const std::string name = text(piece, "id");
  const Json& token = member(member(step, "special_tokens"), name.c_str());
  const Json& list = token.is_object() ? member(token, "ids") : member(Json::object(), "");
  if (!list.is_array()) refuse(str("its post_processor names a token ", name, " without ids"));
  std::vector<std::uint32_t> ids;
  for (const Json& entry : list) ids.push_back(id(entry, str("token ", name, " of its post_processor")));
  return ids;
}

Wrapping TokenizerJsonReader::template_wrapping(const Json& step) const {
  Wrapping result;
  const auto read = [&](const char* key, std::vector<std::vector<std::uint32_t>*> places, const std::string& order) {
    const Json& pieces = member(step, key);
    if (!pieces.is_array()) refuse(str("its post_processor has no template ", key));
    std::string found;
    for (const Json& piece : pieces) {
      if (piece.is_object() && piece.contains("Sequence")) {
        found += text(piece.at("Sequence"), "id");
        continue;
      }
      if (!piece.is_object() || !piece.contains("SpecialToken")) refuse("its post_processor has an unknown piece");
      const auto ids = template_ids(step, piece.at("SpecialToken"));
      if (found.size() < places.size()) {
        places[found.size()]->insert(places[found.size()]->end(), ids.begin(), ids.end());
      }
    }
    if (found != order) {
      refuse(str("its post_processor's template ", key, " does not hold its texts once and in their order"));
    }
  };
  read("single", {&result.before, &result.after}, "A");
  read("pair", {&result.pair_before, &result.between, &result.pair_after}, "AB");
  return result;
}

}  // namespace trireme::text
