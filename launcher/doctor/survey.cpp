#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

using base::Json;

Json to_json(const Rank& rank) {
  Json json = {{"rank", rank.rank}, {"host", rank.host}, {"gpu", nullptr}};
  if (rank.gpu) {
    json["gpu"] = {{"name", rank.gpu->name},
                   {"uuid", rank.gpu->uuid},
                   {"memory_bytes", rank.gpu->memory_bytes},
                   {"free_bytes", rank.gpu->free_bytes},
                   {"sickness", rank.gpu->sickness},
                   {"broken", rank.gpu->broken}};
  }
  json["no_gpu"] = rank.no_gpu;
  json["gpu_unusable"] = rank.gpu_unusable;
  json["cpus"] = rank.cpus;
  json["cpu_quota"] = rank.cpu_quota;
  json["memory_bytes"] = rank.memory_bytes;
  json["versions"] = rank.versions;
  json["files"] = rank.files;
  return json;
}

Rank rank_from_json(const Json& json) {
  Rank rank;
  rank.rank = json.at("rank");
  rank.host = json.at("host");
  if (const Json& gpu = json.at("gpu"); !gpu.is_null()) {
    rank.gpu = Gpu{gpu.at("name"),       gpu.at("uuid"),     gpu.at("memory_bytes"),
                   gpu.at("free_bytes"), gpu.at("sickness"), gpu.at("broken")};
  }
  rank.no_gpu = json.at("no_gpu");
  rank.gpu_unusable = json.at("gpu_unusable");
  rank.cpus = json.at("cpus").get<std::vector<int>>();
  rank.cpu_quota = json.at("cpu_quota");
  rank.memory_bytes = json.at("memory_bytes");
  rank.versions = json.at("versions").get<Versions>();
  rank.files = json.at("files").get<Versions>();
  return rank;
}

std::vector<Node> nodes_of(const std::vector<Rank>& ranks) {
  std::vector<Node> nodes;
  std::map<std::string, std::size_t> found;
  for (const Rank& rank : ranks) {
    const auto [at, is_new] = found.try_emplace(rank.host, nodes.size());
    if (is_new) {
      nodes.emplace_back();
      nodes.back().host = rank.host;
    }
    nodes[at->second].ranks.push_back(rank.rank);
  }
  return nodes;
}

}  // namespace trireme::doctor
