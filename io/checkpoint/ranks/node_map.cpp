#include "io/checkpoint/ranks/node_map.hpp"

#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {

NodeMap gather_nodes(Coordinator& coordinator) {
  Encoder mine;
  mine.put<std::int32_t>(coordinator.node());
  NodeMap map;
  map.ranks.resize(static_cast<std::size_t>(coordinator.nodes()));
  for (const std::string& bytes : coordinator.all_gather(mine.take())) {
    const auto node = Decoder(bytes).get<std::int32_t>();
    map.ranks.at(static_cast<std::size_t>(node)).push_back(static_cast<int>(map.node_of_rank.size()));
    map.node_of_rank.push_back(node);
  }
  return map;
}

}  // namespace trireme::checkpoint
