// trireme generate RUN.ini --prompt …: text from a checkpoint, in any layout.
#include <algorithm>
#include <cstdio>
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
#include "launcher/session/text_generation.hpp"

namespace trireme::launcher {
namespace {

// So many tokens at most: what is wanted, within the model's sequence.
std::int64_t room_for(const std::vector<std::uint32_t>& prompt, const spec::ModelPlan& model, std::int64_t wanted,
                      const base::Log& log) {
  const std::int64_t room = room_after(prompt, model.sequence, "--prompt");
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
