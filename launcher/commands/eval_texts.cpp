#include "launcher/commands/eval_texts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/console/progress.hpp"
#include "launcher/inference/choices.hpp"
#include "launcher/inference/pair_encoding.hpp"
#include "launcher/inference/requests.hpp"
#include "launcher/inference/result_file.hpp"
#include "launcher/inference/scoring.hpp"
#include "launcher/session/run_input.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::Json;
using base::str;

std::size_t batch_of(const options::EvalLine& command) { return static_cast<std::size_t>(command.batch); }

// Calls that show how far `what` is, on rank 0 only.
class Shown {
 public:
  Shown(Session& session, std::string what)
      : progress_(session.world().rank() == 0 ? stderr : nullptr, std::move(what)) {}
  TextsDone calls() {
    return [this](std::size_t done, std::size_t of) { progress_.update(done, of, ""); };
  }
  void finish() { progress_.finish(); }

 private:
  Progress progress_;
};

/// What the three have in common. Lines, output and answer are rank 0's.
class Task : public TextTask {
 public:
  Task(const options::EvalLine& command, const ModelInput& input, const base::Log& log)
      : command_(command), input_(input), log_(log) {}

  void open_output(base::FileSystem& files, base::SignalThread& signals) {
    if (command_.output.empty()) return;
    output_ = std::make_unique<ResultFile>(files, signals, command_.output,
                                           command_.force ? base::Overwrite::kForced : base::Overwrite::kRefused);
  }

 protected:
  void write(const std::string& line) {
    if (output_) output_->write(line);
  }
  // `members` follow checkpoint and output; `text` is for people.
  void answer(const Json& members, const std::string& text) {
    if (output_) output_->finish();
    const std::string checkpoint = input_.source.weights.string();
    if (command_.json) {
      Json json = {{"checkpoint", checkpoint}};
      if (output_) json["output"] = command_.output;
      json.update(members);
      base::answer_json(json);
      return;
    }
    base::answer("checkpoint  " + checkpoint);
    base::answer_text(text);
    if (output_) base::answer("output      " + command_.output);
  }
  // `lost`: "their first tokens".
  void log_cuts(std::size_t cuts, const char* lost) const {
    if (cuts == 0) return;
    log_.warn(str(cuts, " text(s) are longer than the ", input_.resolved.model.sequence,
                  " tokens that the model sees, and lost ", lost));
  }

  const options::EvalLine& command_;
  const ModelInput& input_;
  const base::Log& log_;
  std::unique_ptr<ResultFile> output_;
};

void require_number(const std::string& place, const PairScore& score) {
  if (!std::isnan(score.logprob())) return;
  throw base::Error(
      str(place, ": the model gives no number (NaN): its weights are damaged, or train.precision is too low"));
}

class LogprobTask final : public Task {
 public:
  using Task::Task;
  void read(base::FileSystem& files, const PairEncoder& encoder) {
    requests_ = read_logprob_requests(files, command_.logprobs, encoder);
    const auto cut = [](const LogprobRequest& request) { return request.pair.cut > 0; };
    cuts_ = static_cast<std::size_t>(std::ranges::count_if(requests_, cut));
    log_cuts(cuts_, "the first tokens of their contexts");
  }

  void run(Session& session) override {
    std::vector<EncodedPair> pairs;
    for (const LogprobRequest& request : requests_) pairs.push_back(request.pair);
    Shown shown(session, "scoring");
    const std::vector<PairScore> scores = score_pairs(session, std::move(pairs), batch_of(command_), shown.calls());
    shown.finish();
    on_rank_0(session.world(), [&] { write_scores(scores); });
  }

 private:
  void write_scores(const std::vector<PairScore>& scores) {
    double total = 0.0;
    std::size_t tokens = 0, greedy = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      require_number(requests_[i].place, scores[i]);
      write(logprob_line(requests_[i], scores[i], command_.per_token));
      total += scores[i].logprob();
      tokens += scores[i].token_logprobs.size();
      greedy += scores[i].greedy ? 1 : 0;
    }
    answer({{"lines", scores.size()}, {"tokens", tokens}, {"logprob", total}, {"greedy", greedy}, {"cut", cuts_}},
           str("lines       ", scores.size(), ", of which ", greedy, " are what the model would write\ntokens      ",
               tokens, "\nlogprob     ", total, " in all\n"));
  }

  std::vector<LogprobRequest> requests_;
  std::size_t cuts_ = 0;
};

class ChoiceTask final : public Task {
 public:
  using Task::Task;
  void read(base::FileSystem& files, const PairEncoder& encoder) {
    requests_ = read_choice_requests(files, command_.choices, encoder);
    for (const ChoiceRequest& request : requests_) {
      const auto cut = [](const EncodedPair& pair) { return pair.cut > 0; };
      cuts_ += static_cast<std::size_t>(std::ranges::count_if(request.pairs, cut));
    }
    log_cuts(cuts_, "the first tokens of their contexts");
  }

  void run(Session& session) override {
    std::vector<EncodedPair> pairs;
    for (const ChoiceRequest& request : requests_) {
      pairs.insert(pairs.end(), request.pairs.begin(), request.pairs.end());
    }
    Shown shown(session, "scoring");
    const std::vector<PairScore> scores = score_pairs(session, std::move(pairs), batch_of(command_), shown.calls());
    shown.finish();
    on_rank_0(session.world(), [&] { write_choices(scores); });
  }

 private:
  void write_choices(const std::vector<PairScore>& scores) {
    Accuracy by_sum, by_character, by_byte;
    auto next = scores.begin();
    for (const ChoiceRequest& request : requests_) {
      const std::vector<PairScore> own(next, next + std::ssize(request.choices));
      next += std::ssize(request.choices);
      std::vector<double> logprobs;
      for (const PairScore& score : own) {
        require_number(request.place, score);
        logprobs.push_back(score.logprob());
      }
      by_sum.add(best_of(logprobs) == request.answer);
      by_character.add(best_of(per_character(logprobs, request.choices)) == request.answer);
      by_byte.add(best_of(per_byte(logprobs, request.choices)) == request.answer);
      write(choice_line(request, own, command_.per_token));
    }
    Json json = {{"questions", by_sum.questions}};
    std::string text = str("questions   ", by_sum.questions, "\n");
    const auto add = [&](const std::string& name, const Accuracy& accuracy, const char* how) {
      const auto error = accuracy.standard_error();
      json[name] = *accuracy.share();
      json[name + "_stderr"] = error ? Json(*error) : Json();
      text += str(name, std::string(12 - name.size(), ' '), *accuracy.share(), " (", accuracy.right, " right by ", how,
                  ")\n");
    };
    add("acc", by_sum, "log-probability");
    add("acc_norm", by_character, "log-probability per character");
    add("acc_bytes", by_byte, "log-probability per byte");
    json["cut"] = cuts_;
    answer(json, text);
  }

  std::vector<ChoiceRequest> requests_;
  std::size_t cuts_ = 0;
};

class EmbeddingTask final : public Task {
 public:
  using Task::Task;
  void read(base::FileSystem& files, const text::Tokenizer& tokenizer) {
    requests_ = read_text_requests(files, command_.embed, tokenizer, command_.special_tokens == "yes",
                                   input_.resolved.model.sequence);
    cuts_ = static_cast<std::size_t>(
        std::ranges::count_if(requests_, [](const TextRequest& request) { return request.text.cut > 0; }));
    log_cuts(cuts_, "their last tokens");
  }

  void run(Session& session) override {
    std::vector<EncodedText> texts;
    std::size_t tokens = 0;
    for (const TextRequest& request : requests_) {
      texts.push_back(request.text);
      tokens += request.text.tokens.size();
    }
    const Pooling pooling = parse_pooling(command_.pooling);
    Shown shown(session, "embedding");
    embed_texts(
        session, std::move(texts), {pooling, command_.normalize, batch_of(command_)},
        [&](std::size_t i, const std::vector<float>& values) {
          write(pooling == Pooling::kNone ? hidden_line(requests_[i], values) : embedding_line(requests_[i], values));
        },
        shown.calls());
    shown.finish();
    on_rank_0(session.world(), [&] {
      const std::int64_t width = input_.resolved.model.hidden;
      answer({{"lines", requests_.size()}, {"tokens", tokens}, {"width", width}, {"cut", cuts_}},
             str("lines       ", requests_.size(), "\ntokens      ", tokens, "\nwidth       ", width, "\n"));
    });
  }

 private:
  std::vector<TextRequest> requests_;
  std::size_t cuts_ = 0;
};

// Refuses what the model cannot do.
void check_model(const options::EvalLine& command, const options::ModelSection& model) {
  if (command.embed.empty()) {
    const std::string mode = command.logprobs.empty() ? "--choices" : "--logprobs";
    if (model.mask == spec::Mask::kFull) {
      throw InputError(mode +
                       " needs a model that reads from left to right, and with model.mask = full a token sees "
                       "those behind it: take another model");
    }
    if (!model.lm_head.value_or(true))
      throw InputError(mode + " needs a model with an output head: take another model");
  } else if (command.pooling == "pooler" && !model.pooler.value_or(false)) {
    throw InputError("--pooling pooler needs a model that has a pooler: take --pooling mean or first");
  }
}

}  // namespace

bool reads_texts(const options::EvalLine& command) {
  std::vector<std::string> modes;
  if (!command.logprobs.empty()) modes.emplace_back("--logprobs");
  if (!command.choices.empty()) modes.emplace_back("--choices");
  if (!command.embed.empty()) modes.emplace_back("--embed");
  if (modes.size() > 1) throw InputError(str(modes[0], " and ", modes[1], " do not go together: give one of them"));
  const bool texts = !modes.empty();
  const auto refuse_if = [](bool given, const std::string& why) {
    if (given) throw InputError(why);
  };
  refuse_if(texts && !command.data.empty(), texts ? modes[0] + " reads no dataset: leave --data out" : "");
  refuse_if(texts && (command.samples > 0 || command.sequence > 0),
            "--samples and --sequence are about datasets: leave them out");
  refuse_if(texts && command.choices.empty() && command.output.empty(),
            "--output is missing: it names the file of the results");
  refuse_if(!texts && !command.output.empty(), "--output goes with --logprobs, --choices or --embed: give one of them");
  refuse_if(command.per_token && (!texts || !command.embed.empty() || command.output.empty()),
            "--per-token goes with --logprobs or --choices, and --output: leave it out");
  refuse_if(command.normalize && command.embed.empty(), "--normalize goes with --embed: leave it out");
  return texts;
}

std::unique_ptr<TextTask> make_text_task(collectives::MpiWorld& world, base::FileSystem& files,
                                         base::SignalThread& signals, const options::EvalLine& command,
                                         const ModelInput& input, const base::Log& log) {
  check_model(command, input.options().model);
  const text::Tokenizer tokenizer = text::Tokenizer::parse(input.tokenizer_json);
  const PairEncoder encoder(tokenizer, command.special_tokens == "yes", start_token(tokenizer, input.source.texts),
                            input.resolved.model.sequence);
  const auto make = [&]<typename One>(std::unique_ptr<One> task, const auto& reader) -> std::unique_ptr<TextTask> {
    on_rank_0(world, [&] {
      task->read(files, reader);
      task->open_output(files, signals);
    });
    return task;
  };
  if (!command.logprobs.empty()) return make(std::make_unique<LogprobTask>(command, input, log), encoder);
  if (!command.choices.empty()) return make(std::make_unique<ChoiceTask>(command, input, log), encoder);
  return make(std::make_unique<EmbeddingTask>(command, input, log), tokenizer);
}

}  // namespace trireme::launcher
