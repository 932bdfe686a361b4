#include "launcher/checkpointing/preflight.hpp"

#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "base/host_limits.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/space.hpp"
#include "io/checkpoint/run/trial_save.hpp"
#include "launcher/checkpointing/checkpoint_size.hpp"
#include "launcher/checkpointing/quotas.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

checkpoint::SpaceNeed space_need(const Session& session, base::FileSystem& files, const RunInput& input) {
  const options::RunOptions& options = input.options();
  const auto shards =
      static_cast<std::uint64_t>(std::min<std::int64_t>(
          options.checkpoint.shards_per_node.value_or(session.ranks_on_node()), session.ranks_on_node())) *
      session.hosts().size();
  checkpoint::SpaceNeed need;
  need.checkpoint_bytes = checkpoint_bytes(input.resolved) + shards * (std::uint64_t{1} << 20);
  need.checkpoint_files = shards + session.hosts().size() + 3;  // directories count
  need.keep = options.checkpoint.keep;
  need.existing = std::ssize(checkpoint::committed_steps(files, options.run.dir));
  return need;
}

void check_space(const Session& session, base::FileSystem& files, const RunInput& input) {
  std::filesystem::path directory = std::filesystem::path(input.options().run.dir) / "checkpoints";
  if (!files.is_directory(directory)) directory = input.options().run.dir;  // else it may be a link to another disk
  const std::string lacking =
      checkpoint::lacking_space(files.space(directory), quotas_of(directory), space_need(session, files, input));
  if (lacking.empty()) return;
  throw base::InputError(base::str("No space left for the run's checkpoints in ", directory.string(), ": ", lacking,
                                   ": free some, set run.dir to another file system, or lower checkpoint.keep "
                                   "(checkpoint.preflight = false trains all the same)"));
}

std::string lacking_memory(const options::CheckpointSection& checkpoint, const base::HostLimits& limits,
                           const std::string& host) {
  const double asked = checkpoint.host_memory * kGiB;
  if (!checkpoint.async || asked <= static_cast<double>(limits.memory_free_bytes)) return "";
  return base::str("checkpoint.host_memory = ", checkpoint.host_memory, " GiB, but the job has only ",
                   format_bytes(static_cast<double>(limits.memory_free_bytes)), " of memory free on ", host,
                   ": lower it, or leave it out for a share of what there is");
}

}  // namespace

void preflight(Session& session, base::FileSystem& files, const RunInput& input, FastTier* fast) {
  const options::RunOptions& options = input.options();
  if (!options.checkpoint.preflight) return;
  const std::string memory = lacking_memory(options.checkpoint, base::read_host_limits(files), session.world().host());
  if (const std::string agreed = session.coordinator().all_ok(memory.empty(), memory); !agreed.empty()) {
    throw base::InputError(agreed);
  }
  on_rank_0(session.world(), [&] { check_space(session, files, input); });
  if (fast != nullptr) fast->check_room(checkpoint_bytes(input.resolved));
  const std::string failure = checkpoint::try_to_save(session.coordinator(), files, options.run.dir);
  if (!failure.empty()) {
    throw base::Error(base::str("a trial save in ", options.run.dir, " failed: ", failure,
                                " (checkpoint.preflight = false trains all the same)"));
  }
}

}  // namespace trireme::launcher
