// The lines that `trireme eval` is given to score or embed, as tokens, and the lines that it answers with. No model is
// needed for either. Formats: docs/evaluation.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "launcher/inference/pair_encoding.hpp"

namespace trireme::launcher {

/// What a model says about the continuation of a pair.
struct PairScore {
  std::vector<double> token_logprobs;  ///< natural logarithms, one for each token of the continuation
  bool greedy = false;                 ///< each of these tokens is the most likely one

  /// Their sum.
  double logprob() const;
};

/// A line {"context", "continuation", "id"?}.
struct LogprobRequest {
  std::string place;  ///< "FILE:3"
  std::string id;     ///< JSON text; "" without one
  EncodedPair pair;
};

/// A line {"context", "choices", "answer", "id"?}.
struct ChoiceRequest {
  std::string place;
  std::string id;
  std::vector<std::string> choices;  ///< at least one, none empty
  std::size_t answer = 0;
  std::vector<EncodedPair> pairs;  ///< one for each choice
};

/// A line {"text", "pair"?, "id"?}.
struct TextRequest {
  std::string place;
  std::string id;
  EncodedText text;
};

// Each reads a whole file. Throws base::InputError in one sentence with file and line for what is wrong with a line
// (JsonLine, PairEncoder, encode_text), and for a file without lines.
std::vector<LogprobRequest> read_logprob_requests(base::FileSystem& files, const std::string& path,
                                                  const PairEncoder& encoder);
std::vector<ChoiceRequest> read_choice_requests(base::FileSystem& files, const std::string& path,
                                                const PairEncoder& encoder);
std::vector<TextRequest> read_text_requests(base::FileSystem& files, const std::string& path,
                                            const text::Tokenizer& tokenizer, bool special, std::int64_t sequence);

// Each returns one line of JSON, without the newline.
std::string logprob_line(const LogprobRequest& request, const PairScore& score, bool per_token);
std::string choice_line(const ChoiceRequest& request, const std::vector<PairScore>& scores, bool per_token);
std::string embedding_line(const TextRequest& request, const std::vector<float>& embedding);
/// `hidden`: row-major, a row for each token of the text.
std::string hidden_line(const TextRequest& request, const std::vector<float>& hidden);

}  // namespace trireme::launcher
