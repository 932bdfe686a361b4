// trireme checkpoint average: the weighted mean of checkpoints of one model.
#include <algorithm>
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "launcher/commands/checkpoint/averaging.hpp"
#include "launcher/commands/checkpoint/byte_progress.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

constexpr int kMostThreads = 4;  // 57 MiB each: below 400 MB with the tables of large checkpoints

struct AverageArguments {
  std::vector<std::string> checkpoints;
  std::string output;
  std::string weights;
  std::int64_t threads = 0;
  bool force = false;
  bool json = false;
};

bool parse(const Arguments& arguments, AverageArguments& given) {
  options::CommandLine line("checkpoint average",
                            "the weighted mean of checkpoints of one model, whatever layouts wrote them",
                            "trireme checkpoint average runs/bible/checkpoints/step_180 runs/bible -o bible-average\n"
                            "trireme checkpoint average --weights 1,2 runs/a runs/b -o soup");
  line.value("output,o", given.output, "CHECKPOINT", "the step directory to write: weights only, as import writes one")
      .required();
  line.value("weights", given.weights, "W1,W2,…",
             "a number above 0 for each checkpoint, of which only the ratios count; else all count the same");
  line.value("threads", given.threads, "N", "threads; 0: one per core, at most 4").range(0, kMostThreads);
  line.flag("force", given.force, "replace a checkpoint that is there already");
  line.flag("json", given.json, "print one JSON object instead of a line");
  line.positionals("STEP_DIR", given.checkpoints, "step directories, or run directories for their newest ones", 1);
  if (!line.parse(arguments)) return false;
  if (given.checkpoints.size() >= 2) return true;
  throw base::InputError(base::str("checkpoint average takes two checkpoints or more, and ", given.checkpoints[0],
                                   " is one: name another one beside it"));
}

AverageResult average_with_progress(base::FileSystem& files, const std::vector<checkpoint::AverageSource>& sources,
                                    const AverageArguments& given) {
  const base::SignalThread signals;  // before the threads
  try {
    ByteProgress progress("averaging", checkpoint::averaged_bytes(sources));
    const auto hear = progress.hear();
    AverageOptions options;
    options.threads = given.threads > 0 ? static_cast<int>(given.threads) : std::min(usable_cores(), kMostThreads);
    options.overwrite = given.force ? base::Overwrite::kForced : base::Overwrite::kRefused;
    options.progress = [&](std::uint64_t bytes) { return hear(bytes) && signals.received() == 0; };
    return average(files, sources, given.output, options);
  } catch (const base::Stopped& stop) {
    base::print_failure(stop.what());  // what is not whole has been removed
    base::end_by_signal(signals.received());
  }
}

}  // namespace

int checkpoint_average(const Arguments& arguments) {
  AverageArguments given;
  if (!parse(arguments, given)) return base::kExitDone;
  base::PosixFileSystem files;
  const auto weights = parse_weights(given.weights, given.checkpoints.size());
  std::vector<std::filesystem::path> steps;
  for (const std::string& word : given.checkpoints) steps.push_back(step_directory_of(files, word));
  const auto sources = open_sources(files, steps, weights);
  const AverageResult result = average_with_progress(files, sources, given);
  if (given.json) {
    base::answer_json({{"path", given.output},
                       {"step", result.step},
                       {"sources", result.sources},
                       {"parameters", result.parameters},
                       {"bytes", result.bytes},
                       {"seconds", result.seconds}});
  } else {
    base::answer(base::str("averaged ", sources.size(), " checkpoints to ", given.output, ": ",
                           with_commas(result.parameters), " parameters, ",
                           format_bytes(static_cast<double>(result.bytes))));
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
