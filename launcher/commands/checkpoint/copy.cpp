// trireme checkpoint copy: a checkpoint to another file system, verified on the way.
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/tools/copy.hpp"
#include "launcher/commands/checkpoint/byte_progress.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {

int checkpoint_copy(const Arguments& arguments) {
  bool json = false;
  bool force = false;
  std::vector<std::string> words;
  options::CommandLine line("checkpoint copy", "copies a checkpoint into another directory, verified on the way",
                            "trireme checkpoint copy runs/bible/checkpoints/step_100 /archive/bible/checkpoints");
  line.flag("force", force, "replace a copy of this step that is there already");
  line.flag("json", json, "print one JSON object instead of a line");
  line.positionals("STEP_DIR DEST_DIR", words,
                   "a step directory (or a run directory for its newest one), and the directory that gets step_<N>", 2,
                   2);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const auto source = step_directory_of(files, words[0]);
  checkpoint::CopyResult result;
  const base::SignalThread signals;  // before the threads
  try {
    ByteProgress progress("copying", bytes_of(checkpoint::open_manifest(files, source)));
    const auto hear = progress.hear();
    result = checkpoint::copy(files, source, words[1], usable_cores(), force,
                              [&](std::uint64_t bytes) { return hear(bytes) && signals.received() == 0; });
  } catch (const base::Stopped& stop) {
    base::print_failure(stop.what());  // what is not whole has been removed
    base::end_by_signal(signals.received());
  }
  if (json) {
    base::answer_json({{"source", source.string()},
                       {"path", result.path.string()},
                       {"bytes", result.bytes},
                       {"seconds", result.seconds}});
  } else {
    base::answer(base::str("copied ", source.string(), " to ", result.path.string(), ": ",
                           format_bytes(static_cast<double>(result.bytes)), ", every checksum compared"));
  }
  return base::kExitDone;
}

}  // namespace trireme::launcher
