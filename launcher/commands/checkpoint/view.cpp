// trireme checkpoint view: one HDF5 file that shows a checkpoint's tensors whole.
#include <vector>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "io/checkpoint/tools/view.hpp"
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {

int checkpoint_view(const Arguments& arguments) {
  std::string output;
  bool force = false;
  std::vector<std::string> words;
  options::CommandLine line(
      "checkpoint view", "writes an HDF5 file that shows every tensor whole; the data stay in the checkpoint",
      "trireme checkpoint view runs/bible/checkpoints/step_100 -o step_100.h5   # writes an HDF5 file");
  line.value("output,o", output, "FILE.h5", "the file to write").required();
  line.flag("force", force, "replace a file that is there already");
  line.positionals("STEP_DIR", words, "a step directory, or a run directory for its newest one", 1, 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const auto path = step_directory_of(files, words[0]);
  const std::size_t tensors = checkpoint::write_view(
      files, path, output, force ? base::Overwrite::kForced : base::Overwrite::kRefused, usable_cores());
  base::answer(base::str("wrote ", output, ": ", tensors, " tensors of ", path.string()));
  return base::kExitDone;
}

}  // namespace trireme::launcher
