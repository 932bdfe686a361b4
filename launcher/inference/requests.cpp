#include "launcher/inference/requests.hpp"

#include <numeric>
#include <span>

#include "base/error.hpp"
#include "launcher/inference/choices.hpp"
#include "launcher/inference/json_lines.hpp"
#include "launcher/inference/pooling.hpp"

namespace trireme::launcher {
namespace {

using base::str;

template <typename Request, typename Read>
std::vector<Request> read_lines(base::FileSystem& files, const std::string& path, std::vector<std::string_view> names,
                                const Read& read) {
  JsonLines lines(files, path, std::move(names));
  std::vector<Request> requests;
  for (JsonLine line; lines.next(line);) {
    Request request;
    request.place = line.place();
    request.id = line.json("id");
    try {
      read(line, request);
    } catch (const base::InputError& error) {
      const std::string what = error.what();
      if (what.starts_with(line.place())) throw;
      line.refuse(what);
    }
    requests.push_back(std::move(request));
  }
  if (requests.empty()) throw base::InputError(path + " holds no lines");
  return requests;
}

// "{" and the id, if there is one, in front of the members of `rest`.
std::string with_id(const std::string& id, const base::Json& rest) {
  const std::string line = base::to_line(rest);
  return id.empty() ? line : "{\"id\":" + id + "," + line.substr(1);
}

std::string with_vectors(const TextRequest& request, const char* name, const std::string& vectors) {
  const std::string line = with_id(request.id, {{"tokens", request.text.tokens.size()}});
  return line.substr(0, line.size() - 1) + ",\"" + name + "\":" + vectors + "}";
}

}  // namespace

double PairScore::logprob() const { return std::accumulate(token_logprobs.begin(), token_logprobs.end(), 0.0); }

std::vector<LogprobRequest> read_logprob_requests(base::FileSystem& files, const std::string& path,
                                                  const PairEncoder& encoder) {
  return read_lines<LogprobRequest>(files, path, {"id", "context", "continuation"},
                                    [&](const JsonLine& line, LogprobRequest& request) {
                                      request.pair = encoder.encode(line.text("context"), line.text("continuation"));
                                    });
}

std::vector<ChoiceRequest> read_choice_requests(base::FileSystem& files, const std::string& path,
                                                const PairEncoder& encoder) {
  const auto read = [&](const JsonLine& line, ChoiceRequest& request) {
    const std::string context = line.text("context");
    request.choices = line.texts("choices");
    const std::int64_t answer = line.integer("answer"), count = std::ssize(request.choices);
    if (count == 0) line.refuse("\"choices\" is empty");
    if (answer < 0 || answer >= count) {
      line.refuse(str("\"answer\" is ", answer, ", and there are ", count, " choices, counted from 0"));
    }
    request.answer = static_cast<std::size_t>(answer);
    for (std::size_t i = 0; i < request.choices.size(); ++i) {
      try {
        request.pairs.push_back(encoder.encode(context, request.choices[i]));
      } catch (const base::InputError& error) {
        line.refuse(str("choice ", i, ": ", error.what()));
      }
    }
  };
  return read_lines<ChoiceRequest>(files, path, {"id", "context", "choices", "answer"}, read);
}

std::vector<TextRequest> read_text_requests(base::FileSystem& files, const std::string& path,
                                            const text::Tokenizer& tokenizer, bool special, std::int64_t sequence) {
  return read_lines<TextRequest>(files, path, {"id", "text", "pair"}, [&](const JsonLine& line, TextRequest& request) {
    const std::string pair = line.has("pair") ? line.text("pair") : "";
    request.text = encode_text(tokenizer, line.text("text"), line.has("pair") ? &pair : nullptr, special, sequence);
  });
}

std::string logprob_line(const LogprobRequest& request, const PairScore& score, bool per_token) {
  base::Json line = {{"logprob", score.logprob()}, {"tokens", score.token_logprobs.size()}, {"greedy", score.greedy}};
  if (per_token) line["token_logprobs"] = score.token_logprobs;
  return with_id(request.id, line);
}

std::string choice_line(const ChoiceRequest& request, const std::vector<PairScore>& scores, bool per_token) {
  std::vector<double> logprobs;
  base::Json tokens = base::Json::array(), token_logprobs = base::Json::array();
  for (const PairScore& score : scores) {
    logprobs.push_back(score.logprob());
    tokens.push_back(score.token_logprobs.size());
    token_logprobs.push_back(score.token_logprobs);
  }
  base::Json line = {{"logprobs", logprobs},
                     {"tokens", tokens},
                     {"choice", best_of(logprobs)},
                     {"choice_norm", best_of(per_character(logprobs, request.choices))},
                     {"choice_bytes", best_of(per_byte(logprobs, request.choices))},
                     {"answer", request.answer}};
  if (per_token) line["token_logprobs"] = token_logprobs;
  return with_id(request.id, line);
}

std::string embedding_line(const TextRequest& request, const std::vector<float>& embedding) {
  return with_vectors(request, "embedding", vector_text(embedding));
}

std::string hidden_line(const TextRequest& request, const std::vector<float>& hidden) {
  const std::size_t width = hidden.size() / request.text.tokens.size();
  std::string rows;
  for (std::size_t at = 0; at < hidden.size(); at += width) {
    rows += (rows.empty() ? "[" : ",") + vector_text(std::span(hidden).subspan(at, width));
  }
  return with_vectors(request, "hidden", rows + "]");
}

}  // namespace trireme::launcher
