#include "launcher/checkpointing/fast_tier.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/file_system_name.hpp"
#include "base/host_limits.hpp"
#include "base/json.hpp"
#include "io/checkpoint/ranks/node_map.hpp"
#include "io/checkpoint/run/leftovers.hpp"
#include "launcher/console/format.hpp"
#include "launcher/run_directory/fast_directory.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

std::uint64_t bytes_below(base::FileSystem& files, const Path& path) {
  if (files.is_link(path)) return 0;
  if (!files.is_directory(path)) return files.open(path, base::OpenMode::kRead)->size();
  std::uint64_t bytes = 0;
  for (const std::string& name : files.list(path)) bytes += bytes_below(files, path / name);
  return bytes;
}

}  // namespace

std::unique_ptr<FastTier> FastTier::open(Session& session, base::FileSystem& files,
                                         const std::function<checkpoint::LocalRules()>& rules, const base::Log& log) {
  if (session.resolved().options.checkpoint.fast_dir.empty()) return nullptr;
  auto tier = std::unique_ptr<FastTier>(new FastTier(session, files, rules()));
  log.info("fast tier " + tier->description());
  return tier;
}

FastTier::FastTier(Session& session, base::FileSystem& files, const checkpoint::LocalRules& rules)
    : session_(session), files_(files), options_(session.resolved().options) {
  base::Json known = {{"run", rules.run_id}, {"job", rules.job}, {"step", rules.newest_step}};
  known = base::Json::parse(session.coordinator().broadcast(known.dump()));
  rules_ = {known.at("run"), options_.checkpoint.fast_persists.value_or(false) ? "" : known.at("job"),
            known.at("step")};
  directory_ = fast_directory(options_.checkpoint.fast_dir, rules_.run_id);
  leads_node_ = checkpoint::gather_nodes(session.coordinator()).leads(session.world().rank());
  on_each_node([&] {
    files_.create_directories(directory_.parent_path());
    files_.create_private_directory(directory_);
    checkpoint::collect_leftovers(files_, directory_);
  });
  refuse_shared();
  in_memory_ = base::file_system_of(directory_) == "tmpfs";
}

template <typename Action>
void FastTier::on_each_node(Action&& action) {
  std::string problem;
  try {
    if (leads_node_) action();
  } catch (const base::Error& error) {
    problem = str("checkpoint.fast_dir on ", session_.world().host(), ": ", error.what());
  }
  problem = session_.coordinator().all_ok(problem.empty(), problem);
  if (!problem.empty()) throw base::InputError(problem);
}

// Each node leaves a mark: nobody may find another one's.
void FastTier::refuse_shared() {
  if (session_.coordinator().nodes() == 1) return;
  constexpr const char* kMark = ".node_";
  const std::string own = str(kMark, session_.coordinator().node());
  on_each_node([&] {
    if (files_.exists(directory_ / own)) files_.remove(directory_ / own);
  });
  on_each_node([&] { files_.open(directory_ / own, base::OpenMode::kCreateExclusive)->close(); });
  std::vector<std::string> names;
  on_each_node([&] { names = files_.list(directory_); });
  on_each_node([&] { files_.remove(directory_ / own); });
  on_each_node([&] {
    for (const std::string& name : names) {
      if (!name.starts_with(kMark) || name == own) continue;
      throw base::Error(str(directory_.string(),
                            " is the same directory on other nodes: choose one that each node has "
                            "of its own, such as /dev/shm or a local disk"));
    }
  });
}

std::uint64_t FastTier::node_bytes(std::uint64_t checkpoint_bytes) const {
  constexpr std::uint64_t kSteps = 2;  // the one that is written, and the one before
  const auto nodes = static_cast<std::uint64_t>(session_.coordinator().nodes());
  const std::uint64_t copies = nodes > 1 ? 2 : 1;
  return kSteps * copies * (checkpoint_bytes / nodes);
}

std::uint64_t FastTier::bytes_there() const {
  try {
    return bytes_below(files_, directory_);
  } catch (const base::IoError&) {
    return 0;
  }
}

std::uint64_t FastTier::memory_to_come(std::uint64_t checkpoint_bytes) const {
  const std::uint64_t all = in_memory_ ? node_bytes(checkpoint_bytes) : 0;
  return all - std::min(all, bytes_there());
}

std::string FastTier::lacking_room(std::uint64_t checkpoint_bytes) const {
  const std::uint64_t needed = node_bytes(checkpoint_bytes);
  const std::uint64_t there = bytes_there();
  const auto space = files_.space(directory_);
  const auto sentence = [&](std::uint64_t free, const char* of) {
    return str("only ", format_bytes(static_cast<double>(free)), of, " are free for the ",
               format_bytes(static_cast<double>(needed)),
               " of two steps; leave checkpoint.fast_dir out or choose another");
  };
  if (space && space->bytes + there < needed) return sentence(space->bytes + there, "");
  if (!in_memory_) return "";
  const std::uint64_t memory = base::read_host_limits(files_).memory_free_bytes + there;
  return memory < needed ? sentence(memory, " of the job's memory") : "";
}

void FastTier::check_room(std::uint64_t checkpoint_bytes) {
  try {
    on_each_node([&] {
      const std::string lacking = lacking_room(checkpoint_bytes);
      if (!lacking.empty()) throw base::Error(lacking + " (checkpoint.preflight = false trains all the same)");
    });
  } catch (const base::InputError&) {
    if (bytes_there() == 0) remove();  // the directory that open() made
    throw;
  }
}

std::string FastTier::description() const {
  const bool alone = session_.coordinator().nodes() == 1;
  return str("every ", options_.checkpoint.fast_every_steps, " steps to ", directory_.string(),
             in_memory_ ? " (in memory)" : "",
             alone ? ": with one node it outlives ranks, not the node" : ", with copies on the next node");
}

void FastTier::remove() const noexcept {
  if (!leads_node_) return;
  try {
    files_.remove_all(directory_);
  } catch (const std::exception&) {
    // The next attempt, or the job's last act, deletes it.
  }
}

}  // namespace trireme::launcher
