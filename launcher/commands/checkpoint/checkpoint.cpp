// trireme checkpoint …: no MPI, no LibTorch.
#include "launcher/commands/checkpoint/shared.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {

int checkpoint_command(const Arguments& arguments) {
  return options::run_subcommand("checkpoint", "trireme checkpoint list runs/bible",
                                 {{"list", "the checkpoints of a run", checkpoint_list},
                                  {"inspect", "what a checkpoint holds", checkpoint_inspect},
                                  {"verify", "reads every byte back and compares checksums", checkpoint_verify},
                                  {"diff", "compares two checkpoints, whatever layouts wrote them", checkpoint_diff},
                                  {"copy", "to another file system, verified on the way", checkpoint_copy},
                                  {"average", "the weighted mean of checkpoints of one model", checkpoint_average},
                                  {"prune", "deletes old checkpoints", checkpoint_prune},
                                  {"view", "writes an HDF5 file that shows every tensor whole", checkpoint_view}},
                                 arguments);
}

}  // namespace trireme::launcher
