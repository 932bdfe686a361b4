#include "models/pipeline/groups.hpp"

#include <string>

namespace trireme::pipeline {
namespace {

std::unique_ptr<collectives::Communicator> split(collectives::Communicator& ranks, int degree, const GroupColour& group,
                                                 const std::string& name) {
  if (degree == 1) return nullptr;
  return ranks.split_with_stream(group.colour, group.key, name);
}

}  // namespace

GroupColours group_colours(const topology::Mesh& mesh, int rank) {
  const topology::Coordinates at = mesh.coordinates(rank);
  GroupColours colours;
  colours.tp = {mesh.group_index(rank, topology::Axis::kTensor), at.tp};
  colours.dp = {mesh.group_index(rank, topology::Axis::kData), at.dp};
  colours.pp = {mesh.group_index(rank, topology::Axis::kPipeline), at.pp};
  const bool end = at.pp == 0 || at.pp == mesh.degrees().pp - 1;
  if (end && mesh.degrees().pp > 1) colours.tied = {colours.pp.colour, at.pp};
  return colours;
}

Groups OwnedGroups::with_world(collectives::Communicator& world) const {
  return {&world, tp.get(), dp.get(), pp.get(), links.get(), tied.get()};
}

void OwnedGroups::finish() {
  if (links) links->finish();
  for (auto* group : {&tied, &pp, &dp, &tp}) {
    if (*group) (*group)->finish();
  }
}

OwnedGroups make_groups(collectives::Communicator& ranks, const topology::Mesh& mesh, int chunks) {
  const GroupColours colours = group_colours(mesh, ranks.rank());
  const topology::Degrees& degrees = mesh.degrees();
  OwnedGroups groups;
  groups.tp = split(ranks, degrees.tp, colours.tp, "tp");
  groups.dp = split(ranks, degrees.dp, colours.dp, "dp");
  groups.pp = split(ranks, degrees.pp, colours.pp, "pp");
  if (groups.pp) groups.links = std::make_unique<StageLinks>(*groups.pp, chunks > 1);
  groups.tied = split(ranks, degrees.pp, colours.tied, "tied");
  return groups;
}

}  // namespace trireme::pipeline
