// trireme import: a model in Hugging Face's format becomes a checkpoint. No MPI, no LibTorch.
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "base/words.hpp"
#include "launcher/commands/checkpoint/byte_progress.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/commands/hub/shared.hpp"
#include "launcher/console/format.hpp"
#include "launcher/hub/import.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::str;

void print_left_out(const HubDirectory& directory) {
  if (directory.left_out().empty()) return;
  base::print_warning(str("not carried along: ", base::join(directory.left_out()), " of ", directory.path().string()));
}

}  // namespace

int import_command(const Arguments& arguments) {
  std::string output;
  std::int64_t threads = 0;
  bool force = false;
  bool json = false;
  std::vector<std::string> words;
  options::CommandLine line("import", "makes a checkpoint from a model in Hugging Face's format",
                            "trireme import models/SmolLM2-135M -o smollm2\n"
                            "mpirun -n 2 trireme train run.ini --model.init_from=smollm2");
  line.value("output,o", output, "CHECKPOINT", "the step directory to write").required();
  line.value("threads", threads, "N", "threads; 0: one per core, at most 8").range(0, 64);
  line.flag("force", force, "replace a checkpoint that is there already");
  line.flag("json", json, "print one JSON object instead of a line");
  line.positionals("HF_DIR", words, "a directory with config.json and model.safetensors, or an index and its shards", 1,
                   1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const base::SignalThread signals;  // before the threads
  const HubDirectory directory = HubDirectory::open(files, words[0]);
  print_left_out(directory);
  ImportResult result;
  try {
    ByteProgress progress("importing", stored_bytes(directory));
    const auto hear = progress.hear();
    ImportOptions options;
    options.threads = hub_threads(threads);
    options.overwrite = force ? base::Overwrite::kForced : base::Overwrite::kRefused;
    options.versions = library_versions_json();
    options.progress = [&](std::uint64_t bytes) { return hear(bytes) && signals.received() == 0; };
    result = import_hub(files, directory, output, options);
  } catch (const base::Stopped& stop) {
    base::print_failure(stop.what());  // what is not whole has been removed
    base::end_by_signal(signals.received());
  }
  if (json) {
    base::answer_json({{"source", words[0]},
                       {"path", output},
                       {"name", directory.record().name},
                       {"arch", directory.model().arch},
                       {"parameters", result.parameters},
                       {"bytes", result.bytes},
                       {"seconds", result.seconds},
                       {"left_out", directory.left_out()}});
  } else {
    base::answer(str("imported ", words[0], " to ", output, ": ", directory.model().arch, ", ",
                     with_commas(result.parameters), " parameters, ", format_bytes(static_cast<double>(result.bytes))));
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
