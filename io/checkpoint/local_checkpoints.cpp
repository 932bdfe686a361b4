#include "io/checkpoint/local_checkpoints.hpp"

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "io/checkpoint/damage.hpp"
#include "io/checkpoint/node_map.hpp"
#include "io/checkpoint/open_checkpoint.hpp"
#include "io/checkpoint/run_checkpoints.hpp"
#include "io/checkpoint/wire.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

/// A step is told apart from another one of the same number by its manifest's checksum.
struct Found {
  std::int64_t step;
  std::string checksum;

  auto operator<=>(const Found&) const = default;
};

struct Holdings {
  std::vector<std::string> shards;      ///< names
  std::vector<std::vector<int>> nodes;  ///< that have each
  int tables_node = -1;                 ///< the first that has the tables
};

bool has_shard(base::FileSystem& files, const Path& step_directory, const ShardFile& shard) {
  try {
    check_length(files, step_directory, shard);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void describe_step(base::FileSystem& files, const Path& directory, const LocalRules& rules, Encoder& out) {
  const OpenedCheckpoint opened = open_tables(files, directory);
  const Manifest& manifest = opened.manifest;
  if (manifest.run_id != rules.run_id || manifest.step > rules.newest_step) return;
  if (!rules.job.empty() && manifest.job != rules.job) return;
  Encoder shards;
  for (const ShardFile& shard : manifest.files) {
    shards.put_text(shard.name);
    shards.put<std::uint8_t>(has_shard(files, directory, shard) ? 1 : 0);
  }
  out.put(manifest.step);
  out.put_text(manifest.checksum);
  out.put<std::uint64_t>(manifest.files.size());
  const std::string bytes = shards.take();
  out.put_raw(bytes.data(), bytes.size());
}

std::string describe_node(base::FileSystem& files, const Path& run_directory, const LocalRules& rules) {
  Encoder out;
  try {
    for (const auto step : committed_steps(files, run_directory)) {
      try {
        describe_step(files, step_directory(run_directory, step), rules, out);
      } catch (const base::Error&) {
        // This node does not have it; others may.
      }
    }
  } catch (const base::IoError&) {
    // Nor anything else.
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

LocalCheckpoint locate(const Path& run_directory, std::int64_t step, const Holdings& holdings, const NodeMap& map) {
  LocalCheckpoint found;
  found.path = step_directory(run_directory, step);
  found.step = step;
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

}  // namespace

std::vector<LocalCheckpoint> find_local_checkpoints(Coordinator& coordinator, base::FileSystem& files,
                                                    const Path& run_directory, const LocalRules& rules) {
  const NodeMap map = gather_nodes(coordinator);
  const auto messages = coordinator.all_gather(
      map.leads(coordinator.rank()) ? describe_node(files, run_directory, rules) : std::string());
  std::map<Found, Holdings> all;
  for (std::size_t rank = 0; rank < messages.size(); ++rank) add(messages[rank], map.node_of_rank[rank], all);
  std::vector<LocalCheckpoint> checkpoints;
  for (auto found = all.rbegin(); found != all.rend(); ++found) {
    checkpoints.push_back(locate(run_directory, found->first.step, found->second, map));
  }
  return checkpoints;
}

}  // namespace trireme::checkpoint
