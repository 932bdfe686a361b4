// trireme generate RUN.ini --prompt …: text from a checkpoint, in any layout.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/checkpoint_bridge.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/sampling.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {
namespace {

// Every rank computes the same logits up to rounding; rank 0's choice is everyone's.
std::vector<std::uint32_t> continue_tokens(Session& session, std::vector<std::uint32_t> tokens, std::int64_t count,
                                           const Sampling& sampling, std::optional<std::uint32_t> end) {
  const auto prompt = std::ssize(tokens);
  session.trainer().start_generation(1, prompt + count);
  std::vector<std::int64_t> input(tokens.begin(), tokens.end());
  for (std::int64_t made = 0; made < count; ++made) {
    const std::vector<float> logits = session.next_logits(input);
    std::int64_t next = choose_token(logits, sampling, prompt + made);
    session.world().control().broadcast(&next, 1, collectives::DataType::kInt64, 0);
    if (end && next == *end) break;
    tokens.push_back(static_cast<std::uint32_t>(next));
    input = {next};
  }
  session.trainer().end_generation();
  return tokens;
}

// How many tokens can follow the prompt within the model's sequence.
std::int64_t room_for(const std::vector<std::uint32_t>& prompt, const spec::ModelConfig& model, std::int64_t wanted,
                      const base::Log& log) {
  if (prompt.empty()) throw base::InputError("--prompt is empty: give at least one character");
  const std::int64_t room = model.sequence - std::ssize(prompt);
  if (room < 1) {
    throw base::InputError(base::str("--prompt has ", prompt.size(), " tokens, and the model's sequence is ",
                                     model.sequence, ": shorten it"));
  }
  if (wanted > room) log.info(base::str("at most ", room, " new tokens: the model's sequence is ", model.sequence));
  return std::min(wanted, room);
}

}  // namespace

int generate_command(collectives::MpiWorld& world, const Arguments& arguments) {
  options::GenerateLine command;
  if (!parse_once(world, command.line, arguments)) return base::kExitDone;
  const Sampling sampling{command.temperature, command.top_k, command.top_p, static_cast<std::uint64_t>(command.seed)};

  base::PosixFileSystem files;
  const base::Log log = world.rank() == 0 ? base::Log(stderr) : base::Log();
  const options::RunOptions given = share_options(world, [&] { return command.run.load(); });
  const Device device(world, given.train.device, log);
  const ModelInput input = prepare_model(
      world, files, given, command.checkpoint.empty() ? given.run.dir : command.checkpoint, "", false, device, log);
  const text::Tokenizer tokenizer = text::Tokenizer::parse(input.tokenizer_json);
  const std::vector<std::uint32_t> prompt = tokenizer.encode(command.prompt);
  const std::int64_t count = room_for(prompt, input.resolved.model, command.max_tokens, log);
  Session session(world, input.resolved, device);
  load_weights(session.coordinator(), files, session.trainer(), input.checkpoint, {});
  const auto tokens = continue_tokens(session, prompt, count, sampling, tokenizer.end_of_text());
  if (world.rank() == 0) {
    const std::string text = tokenizer.decode(tokens);
    if (command.json) {
      base::answer_json({{"checkpoint", input.checkpoint.string()},
                         {"text", text},
                         {"tokens", tokens},
                         {"prompt_tokens", prompt.size()}});
    } else {
      base::answer_content(text + '\n');
    }
  }
  session.finish();
  return base::kExitDone;
}

}  // namespace trireme::launcher
