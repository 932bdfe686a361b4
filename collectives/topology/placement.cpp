#include "collectives/topology/placement.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.hpp"

namespace trireme::topology {

namespace {

using Group = std::vector<const Place*>;

std::string rank_list(const Group& group) {
  std::string text;
  for (const Place* place : group) text.append(text.empty() ? "" : ",").append(std::to_string(place->rank));
  return text;
}

/// Left-aligned columns under a header line; every line begins with two spaces.
std::string table(const std::vector<Group>& groups) {
  std::vector<std::vector<std::string>> rows = {{"host", "ranks", "device", "CPUs"}};
  for (const Group& group : groups) {
    const Place& place = *group.front();
    rows.push_back({place.host, rank_list(group), place.device.empty() ? "none" : place.device, cpu_list(place.cpus)});
  }
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      line += "  " + row[c] + std::string(widths[c] - row[c].size(), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += "\n" + line;
  }
  return text;
}

}  // namespace

std::optional<int> choose_device(int local_rank, int local_size, int visible_devices) {
  if (visible_devices == 0) return std::nullopt;
  if (visible_devices >= local_size) return local_rank;
  if (visible_devices == 1) return 0;
  throw base::InputError(base::str("this node runs ", local_size, " ranks but shows ", visible_devices,
                                   " devices; start as many ranks per node as there are devices"));
}

std::optional<std::string> duplicate_devices(const std::vector<Place>& places) {
  std::map<std::pair<std::string, std::string>, Group> by_device;
  for (const Place& place : places) {
    if (!place.device.empty()) by_device[{place.host, place.device}].push_back(&place);
  }
  std::vector<Group> shared;
  for (const auto& [key, group] : by_device) {
    if (group.size() > 1) shared.push_back(group);
  }
  if (shared.empty()) return std::nullopt;
  return base::str("ranks share a device, and every rank needs its own: start one rank per device, ",
                   "or let the launcher show each rank a different one", table(shared));
}

std::optional<std::string> crowded_cpus(const std::vector<Place>& places) {
  std::map<std::pair<std::string, std::vector<int>>, Group> by_mask;
  for (const Place& place : places) by_mask[{place.host, place.cpus}].push_back(&place);
  std::vector<Group> crowded;
  for (const auto& [key, group] : by_mask) {
    if (group.size() > key.second.size()) crowded.push_back(group);
  }
  if (crowded.empty()) return std::nullopt;
  const auto ranks = crowded.front().size(), cpus = crowded.front().front()->cpus.size();
  return base::str(ranks, ranks == 1 ? " rank on " : " ranks on ", cpus, cpus == 1 ? " CPU" : " CPUs",
                   ": this will be slow; start fewer ranks per node, or check the launcher's binding", table(crowded));
}

std::vector<double> cpu_shares(const std::vector<Place>& places) {
  std::map<std::string, std::map<int, double>> holders;
  for (const Place& place : places) {
    for (const int cpu : place.cpus) ++holders[place.host][cpu];
  }
  std::vector<double> shares;
  for (const Place& place : places) {
    double share = 0;
    for (const int cpu : place.cpus) share += 1 / holders[place.host][cpu];
    shares.push_back(share);
  }
  return shares;
}

int threads_of(const std::vector<Place>& places, int rank) {
  constexpr double kRounding = 1e-9;  // eight times an eighth is one
  return std::max(1, static_cast<int>(cpu_shares(places).at(static_cast<std::size_t>(rank)) + kRounding));
}

std::string cpu_list(std::vector<int> cpus) {
  std::sort(cpus.begin(), cpus.end());
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    if (!text.empty()) text += ",";
    text += std::to_string(cpus[i]);
    if (last > i) text.append("-").append(std::to_string(cpus[last]));
    i = last + 1;
  }
  return text;
}

}  // namespace trireme::topology
