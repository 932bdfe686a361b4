#include "io/checkpoint/run/local_checkpoints.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "base/error.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/shard_metadata.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/format/wire.hpp"
#include "io/checkpoint/ranks/node_map.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

/// The manifest's checksum tells two checkpoints of the same step apart.
struct Found {
  std::int64_t step;
  std::string checksum;

  auto operator<=>(const Found&) const = default;
};

struct Holdings {
  std::vector<std::string> shards;      ///< names of the shards
  std::vector<std::vector<int>> nodes;  ///< for each shard, the nodes that have it
  int tables_node = -1;                 ///< the first node that has the tables
};

/// How closely a node looks at its shards.
enum class Look { kLengths, kEveryByte };

bool has_shard(base::FileSystem& files, const OpenedCheckpoint& opened, std::uint32_t file, Look look) {
  try {
    check_length(files, opened.path, opened.manifest.files[file]);
    if (look == Look::kLengths) return true;
    check_metadata(files, opened.path, opened.manifest, opened.table, file);
    BlockReader reader(files, opened);
    for (const Block& block : blocks_in_file_order(opened.table)) {
      if (block.box->file == file) reader.read(block);
    }
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// Writes down which parts of a checkpoint this node has.
void describe_step(base::FileSystem& files, const OpenedCheckpoint& opened, Look look, Encoder& out) {
  const Manifest& manifest = opened.manifest;
  out.put(manifest.step);
  out.put_text(manifest.checksum);
  out.put<std::uint64_t>(manifest.files.size());
  for (std::uint32_t file = 0; file < manifest.files.size(); ++file) {
    out.put_text(manifest.files[file].name);
    out.put<std::uint8_t>(has_shard(files, opened, file, look) ? 1 : 0);
  }
}

bool allowed(const Manifest& manifest, const LocalRules& rules) {
  return manifest.run_id == rules.run_id && manifest.step <= rules.newest_step &&
         (rules.job.empty() || manifest.job == rules.job);
}

std::string describe_node(base::FileSystem& files, const LocalSearch& search) {
  Encoder out;
  try {
    for (const auto step : committed_steps(files, search.run_directory)) {
      try {
        const OpenedCheckpoint opened = open_tables(files, step_directory(search.run_directory, step));
        if (allowed(opened.manifest, search.rules)) describe_step(files, opened, Look::kLengths, out);
      } catch (const base::Error&) {
        // This node does not have the step; others may.
      }
    }
  } catch (const base::IoError&) {
    // This node has no checkpoint at all.
  }
  return out.take();
}

std::string verify_node(base::FileSystem& files, const LocalCheckpoint& checkpoint) {
  Encoder out;
  try {
    const OpenedCheckpoint opened = open_tables(files, checkpoint.path);
    if (opened.manifest.checksum == checkpoint.checksum) describe_step(files, opened, Look::kEveryByte, out);
  } catch (const base::Error&) {
    // This node does not have it.
  }
  return out.take();
}

void add(const std::string& message, int node, std::map<Found, Holdings>& all) {
  Decoder in(message);
  while (!in.done()) {
    Found found{in.get<std::int64_t>(), {}};
    found.checksum = in.get_text();
    Holdings& holdings = all[found];
    if (holdings.tables_node < 0) holdings.tables_node = node;
    const auto count = in.get<std::uint64_t>();
    holdings.shards.resize(count);
    holdings.nodes.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      holdings.shards[i] = in.get_text();
      if (in.get<std::uint8_t>() != 0) holdings.nodes[i].push_back(node);
    }
  }
}

LocalCheckpoint locate(const Path& run_directory, const Found& what, const Holdings& holdings, const NodeMap& map) {
  LocalCheckpoint found;
  found.path = step_directory(run_directory, what.step);
  found.step = what.step;
  found.checksum = what.checksum;
  found.where.tables = map.leader(holdings.tables_node);
  for (std::size_t i = 0; i < holdings.shards.size(); ++i) {
    if (holdings.nodes[i].empty() && found.missing.empty()) found.missing = holdings.shards[i];
    auto& ranks = found.where.shards.emplace_back();
    for (const int node : holdings.nodes[i]) {
      const auto& here = map.ranks[static_cast<std::size_t>(node)];
      ranks.insert(ranks.end(), here.begin(), here.end());
    }
    std::ranges::sort(ranks);
  }
  return found;
}

/// Collective; calls `describe` on one rank of each node.
std::vector<LocalCheckpoint> gather(Coordinator& coordinator, const Path& run_directory,
                                    const std::function<std::string()>& describe) {
  const NodeMap map = gather_nodes(coordinator);
  const auto messages = coordinator.all_gather(map.leads(coordinator.rank()) ? describe() : std::string());
  std::map<Found, Holdings> all;
  for (std::size_t rank = 0; rank < messages.size(); ++rank) add(messages[rank], map.node_of_rank[rank], all);
  std::vector<LocalCheckpoint> checkpoints;
  for (auto found = all.rbegin(); found != all.rend(); ++found) {
    checkpoints.push_back(locate(run_directory, found->first, found->second, map));
  }
  return checkpoints;
}

}  // namespace

std::vector<LocalCheckpoint> find_local_checkpoints(Coordinator& coordinator, base::FileSystem& files,
                                                    const LocalSearch& search) {
  return gather(coordinator, search.run_directory, [&] { return describe_node(files, search); });
}

LocalCheckpoint verify_local_checkpoint(Coordinator& coordinator, base::FileSystem& files, const LocalSearch& search,
                                        const LocalCheckpoint& checkpoint) {
  const auto found = gather(coordinator, search.run_directory, [&] { return verify_node(files, checkpoint); });
  if (!found.empty()) return found.front();
  LocalCheckpoint nothing = checkpoint;
  nothing.missing = kManifestName;
  return nothing;
}

}  // namespace trireme::checkpoint
