// trireme eval RUN.ini: loss and perplexity of a checkpoint on a dataset.
#include <cmath>
#include <cstdio>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "io/tokens/batch_plan.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/checkpoint_bridge.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

int eval_command(collectives::MpiWorld& world, const Arguments& arguments) {
  options::EvalLine command;
  if (!parse_once(world, command.line, arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const base::Log log = world.rank() == 0 ? base::Log(stderr) : base::Log();
  const options::RunOptions given = share_options(world, [&] { return command.run.load(); });
  const Device device(world, given.train.device, log);
  const ModelInput input =
      prepare_model(world, files, given, command.checkpoint.empty() ? given.run.dir : command.checkpoint, command.data,
                    true, device, log);
  Session session(world, input.resolved, device);
  load_weights(session.coordinator(), files, session.trainer(), input.checkpoint, {});
  const std::uint64_t count = tokens::validation_count(input.data->samples(), command.samples);
  const Session::Validation result = *session.validate(*input.data, count);
  if (world.rank() == 0) {
    const double perplexity = std::exp(result.loss);
    if (command.json) {
      base::answer_json({{"checkpoint", input.checkpoint.string()},
                         {"loss", result.loss},
                         {"perplexity", perplexity},
                         {"tokens", result.targets},
                         {"samples", count}});
    } else {
      char numbers[400];
      std::snprintf(numbers, sizeof numbers, "loss        %.6f\nperplexity  %.4f\n", result.loss, perplexity);
      base::answer("checkpoint  " + input.checkpoint.string());
      base::answer_text(base::str(numbers, "tokens      ", result.targets, " in ", count, " samples\n"));
    }
  }
  session.finish();
  return base::kExitDone;
}

}  // namespace trireme::launcher
