// trireme generate MODEL --prompt … or --prompts FILE.jsonl: text from a model, in any layout.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/commands/text_model.hpp"
#include "launcher/inference/prompt_lines.hpp"
#include "launcher/inference/result_file.hpp"
#include "launcher/session/run_input.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

void check_command(const options::GenerateLine& command) {
  const bool file = !command.prompts.empty();
  if (command.prompt.has_value() == file) {
    throw InputError("generate: give --prompt TEXT or --prompts FILE.jsonl, one of them");
  }
  if (command.prompt && command.prompt->empty()) throw InputError("--prompt is empty: give it some text");
  if (!file && !command.output.empty()) throw InputError("--output goes with --prompts: leave it out");
  if (command.force && command.output.empty()) throw InputError("--force goes with --output: leave it out");
  command.drawing.check();
}

// The one prompt of --prompt.
PromptLine single_prompt(const options::GenerateLine& command, PromptEncoder& encoder, std::int64_t sequence) {
  PromptLine line;
  try {
    line.prompt.tokens = encoder.encode(*command.prompt);
  } catch (const InputError& error) {
    throw InputError(str("--prompt: ", error.what()));
  }
  line.prompt.continues = !encoder.chat();
  line.prompt.max_tokens = std::min(command.drawing.max_tokens, sequence - std::ssize(line.prompt.tokens));
  return line;
}

void log_short(const std::vector<PromptLine>& lines, std::int64_t wanted, std::int64_t sequence, const base::Log& log) {
  const auto is_short = [&](const PromptLine& line) { return line.prompt.max_tokens < wanted; };
  const std::int64_t count = std::ranges::count_if(lines, is_short);
  if (count == 0) return;
  if (lines.size() == 1) {
    log.info(str("at most ", lines[0].prompt.max_tokens, " new tokens: the model's sequence is ", sequence));
  } else {
    log.info(str(count, " prompts get fewer than ", wanted, " new tokens: the model's sequence is ", sequence));
  }
}

/// Rank 0: shows one text while it is written.
class ShownText {
 public:
  /// `beginning`: what stands in front of the new text.
  explicit ShownText(std::string beginning) : beginning_(std::move(beginning)) {}

  void add(std::string_view piece) {
    base::answer_content(std::exchange(beginning_, "") + std::string(piece));
    if (!base::finish_answers()) reader_left_ = true;
  }
  bool reader_left() const { return reader_left_; }
  void end() { add("\n"); }

 private:
  std::string beginning_;
  bool reader_left_ = false;
};

void answer_single(const options::GenerateLine& command, const TextModel& model, const PromptLine& line,
                   const Completion& completion) {
  const Prompt& prompt = line.prompt;
  std::vector<std::uint32_t> tokens = prompt.tokens;
  tokens.insert(tokens.end(), completion.tokens.begin(), completion.tokens.end());
  const std::string beginning = command.chat ? "" : model.tokenizer().decode(prompt.tokens, true);
  base::answer_json({{"checkpoint", model.source().weights.string()},
                     {"text", beginning + completion.text},
                     {"tokens", tokens},
                     {"prompt_tokens", prompt.tokens.size()},
                     {"stop", name_of(completion.stop)}});
}

// Collective: one prompt, whose text is shown as it comes, or answered as JSON at the end.
void write_single(const options::GenerateLine& command, TextModel& model, const PromptLine& line,
                  const GenerationOptions& options) {
  ShownText shown(command.chat || !model.speaks() ? "" : model.tokenizer().decode(line.prompt.tokens, true));
  GenerationEvents events;
  if (!command.json) {
    events.on_text = [&](std::size_t, std::string_view piece) { shown.add(piece); };
    events.stopped = [&] { return shown.reader_left(); };
  }
  const std::vector<Completion> texts = model.write({line.prompt}, options, events);
  if (!model.speaks()) return;
  if (command.json) {
    answer_single(command, model, line, texts.front());
  } else {
    shown.end();
  }
}

// Collective: a line for each prompt, in order, as soon as it and all before it are ready.
void write_lines(TextModel& model, const std::vector<PromptLine>& lines, const GenerationOptions& options,
                 ResultFile* file) {
  bool reader_left = false;
  OrderedLines ordered;
  GenerationEvents events;
  events.on_end = [&](std::size_t number, const Completion& completion) {
    if (completion.stop == StopReason::kStopped) return;
    ordered.ready(number, completion_line(lines[number], completion), [&](const std::string& line) {
      if (file != nullptr) return file->write(line);
      base::answer(line);  // printable, so it stays as it is
      reader_left = !base::finish_answers();
    });
  };
  events.stopped = [&] { return reader_left; };
  std::vector<Prompt> prompts;
  for (const PromptLine& line : lines) prompts.push_back(line.prompt);
  model.write(prompts, options, events);
  if (file != nullptr) on_rank_0(model.world(), [&] { file->finish(); });
}

}  // namespace

int generate_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments) {
  options::GenerateLine command;
  if (!parse_once(world, command.line, arguments)) return base::kExitDone;
  check_command(command);

  base::PosixFileSystem files;
  const base::Log log = world.rank() == 0 ? base::Log(stderr) : base::Log();
  TextModel model(world, files, command.run, command.checkpoint, log);
  std::vector<PromptLine> lines;
  std::unique_ptr<ResultFile> file;
  on_rank_0(world, [&] {
    PromptEncoder encoder(model.tokenizer(), model.source().texts, command.run.file(), command.special_tokens == "yes",
                          model.sequence(), command.chat);
    if (command.prompts.empty()) {
      lines.push_back(single_prompt(command, encoder, model.sequence()));
    } else {
      lines = read_prompt_lines(files, command.prompts, encoder, command.drawing.max_tokens, model.sequence());
    }
    log_short(lines, command.drawing.max_tokens, model.sequence(), log);
    const auto overwrite = command.force ? base::Overwrite::kForced : base::Overwrite::kRefused;
    if (!command.output.empty()) file = std::make_unique<ResultFile>(files, signals, command.output, overwrite);
  });
  const bool chat =
      command.chat || std::ranges::any_of(lines, [](const PromptLine& line) { return !line.prompt.continues; });
  GenerationOptions options = generation_options(command.drawing, model, chat);
  options.batch = command.prompts.empty() ? 1 : command.batch;
  model.load();
  if (command.prompts.empty()) {
    write_single(command, model, world.rank() == 0 ? lines.front() : PromptLine(), options);
  } else {
    write_lines(model, lines, options, file.get());
  }
  model.finish();
  return base::kExitDone;
}

}  // namespace trireme::launcher
