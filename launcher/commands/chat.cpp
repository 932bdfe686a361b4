// trireme chat MODEL: a conversation in the terminal, or one message a line from a pipe.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/signals.hpp"
#include "io/text/utf8.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/commands/text_model.hpp"
#include "launcher/inference/conversation.hpp"
#include "launcher/session/run_input.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

constexpr std::size_t kLongestMessage = std::size_t{1} << 20;  // bytes

/// In a terminal Ctrl-C stops an answer; everywhere else, and for other signals, it ends the program.
class AnswerStop {
 public:
  AnswerStop(base::SignalThread& signals, bool terminal) : signals_(signals), terminal_(terminal) {
    signals.on_signal([this](int signal) {
      if (signal != SIGINT || !terminal_ || !answering_) base::end_by_signal(signal);
      asked_ = true;
    });
  }
  AnswerStop(const AnswerStop&) = delete;
  AnswerStop& operator=(const AnswerStop&) = delete;
  ~AnswerStop() {
    // A signal that stopped an answer would be told again to the new action.
    signals_.on_signal([told = signals_.received() != 0](int signal) mutable {
      if (!std::exchange(told, false)) base::end_by_signal(signal);
    });
  }

  void begin() {
    asked_ = false;
    answering_ = true;
  }
  void end() { answering_ = false; }
  bool asked() const { return asked_; }

 private:
  base::SignalThread& signals_;
  const bool terminal_;
  std::atomic<bool> answering_{false}, asked_{false};
};

/// Rank 0: the person's side.
class Listener {
 public:
  Listener() : terminal_(::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1) {}
  bool terminal() const { return terminal_; }

  /// The next line that is not blank; nothing at the end of the input.
  std::optional<std::string> next() {
    for (;;) {
      if (terminal_) show("> ");
      const std::optional<std::string> line = read_line();
      if (!line && terminal_) show("\n");
      if (!line) return {};
      if (line->find_first_not_of(" \t\r") != std::string::npos) return line;
    }
  }

  static void show(std::string_view text) {
    base::answer_content(text);
    base::finish_answers();
  }

 private:
  static std::optional<std::string> read_line() {
    std::string line;
    int next = std::getc(stdin);
    if (next == EOF) return {};
    for (; next != EOF && next != '\n'; next = std::getc(stdin)) {
      line.push_back(static_cast<char>(next));
      if (line.size() > kLongestMessage) throw InputError(str("a message is longer than ", kLongestMessage, " bytes"));
    }
    if (line.ends_with('\r')) line.pop_back();
    std::string valid;
    return std::string(text::replace_malformed_utf8(line, valid));
  }

  bool terminal_;
};

class Chat {
 public:
  Chat(const options::ChatLine& command, TextModel& model, base::SignalThread& signals, const base::Log& log)
      : command_(command),
        model_(model),
        log_(log),
        stop_(signals, listener_.terminal()),
        conversation_(ChatTemplate::find(model.source().texts, command.run.file()), model.tokenizer(), command.system),
        options_(generation_options(command.drawing, model, true)) {}

  /// Collective: until the input ends.
  void run() {
    if (model_.speaks() && listener_.terminal()) {
      log_.info("/reset begins anew, /quit or Ctrl-D ends, Ctrl-C stops an answer");
    }
    for (;;) {
      Prompt prompt;
      on_rank_0(model_.world(), [&] { prompt = next_prompt(); });
      if (!answer(prompt)) return;
    }
  }

 private:
  // Rank 0: what the next message makes; without tokens at the end.
  Prompt next_prompt() {
    while (!reader_left_) {
      const std::optional<std::string> line = listener_.next();
      if (!line || *line == "/quit") break;
      if (*line == "/reset") {
        conversation_.reset();
        log_.info("the conversation begins anew");
        continue;
      }
      try {
        return prompt_for(*line);
      } catch (const InputError& error) {
        if (!listener_.terminal()) throw;
        log_.warn(error.what());
      }
    }
    return {};
  }

  Prompt prompt_for(const std::string& text) {
    const std::int64_t sequence = model_.sequence();
    const std::int64_t wanted = command_.drawing.max_tokens;
    // A quarter of the sequence is kept for the answer, if so many tokens are wanted.
    const std::int64_t kept = std::clamp<std::int64_t>(sequence / 4, 1, wanted);
    const Conversation::Turn turn = conversation_.ask(text, sequence - kept, std::time(nullptr));
    if (turn.dropped > 0) {
      log_.info(str("the model's ", sequence, " tokens are full: the first ", turn.dropped,
                    " messages of the conversation were dropped"));
    }
    Prompt prompt;
    prompt.tokens = turn.tokens;
    prompt.max_tokens = std::min(wanted, sequence - std::ssize(turn.tokens));
    prompt.index = turns_++;
    prompt.continues = false;
    return prompt;
  }

  // Collective. Returns false on all ranks when rank 0 has no prompt.
  bool answer(const Prompt& prompt) {
    std::int64_t asked = prompt.tokens.empty() ? 0 : 1;
    model_.world().control().broadcast(&asked, 1, collectives::DataType::kInt64, 0);
    if (asked == 0) return false;
    GenerationEvents events;
    if (!command_.json) {
      events.on_text = [&](std::size_t, std::string_view piece) {
        base::answer_content(piece);
        reader_left_ = !base::finish_answers();
      };
    }
    events.stopped = [&] { return reader_left_ || stop_.asked(); };
    stop_.begin();
    const std::vector<Completion> texts = model_.write({prompt}, options_, events);
    stop_.end();
    if (model_.speaks()) answered(texts.front());
    return true;
  }

  void answered(const Completion& completion) {
    conversation_.answered(completion.text);
    if (command_.json) {
      base::answer_json({{"text", completion.text}, {"tokens", completion.tokens}, {"stop", name_of(completion.stop)}});
    } else {
      base::answer_content("\n");
    }
    if (!base::finish_answers()) reader_left_ = true;
    if (stop_.asked()) log_.info("stopped");
  }

  const options::ChatLine& command_;
  TextModel& model_;
  const base::Log& log_;
  Listener listener_;
  AnswerStop stop_;
  Conversation conversation_;
  GenerationOptions options_;
  std::uint64_t turns_ = 0;
  bool reader_left_ = false;  ///< nobody reads the answers any more
};

}  // namespace

int chat_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments) {
  options::ChatLine command;
  if (!parse_once(world, command.line, arguments)) return base::kExitDone;
  command.drawing.check();

  base::PosixFileSystem files;
  const base::Log log = world.rank() == 0 ? base::Log(stderr) : base::Log();
  TextModel model(world, files, command.run, command.checkpoint, log);
  Chat chat(command, model, signals, log);  // refuses a model without a template before its weights are read
  model.load();
  chat.run();
  model.finish();
  return base::kExitDone;
}

}  // namespace trireme::launcher
