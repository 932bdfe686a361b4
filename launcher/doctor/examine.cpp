#include "launcher/doctor/examine.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/error.hpp"
#include "base/host_limits.hpp"
#include "collectives/mpi/places.hpp"
#include "launcher/doctor/clock_offset.hpp"
#include "launcher/doctor/directory_probe.hpp"
#include "launcher/doctor/disk_speed.hpp"
#include "launcher/doctor/gather.hpp"
#include "launcher/doctor/link_speed.hpp"
#include "launcher/doctor/loaded_files.hpp"
#include "launcher/doctor/own_gpu.hpp"
#include "launcher/program/version.hpp"

namespace trireme::doctor {
namespace {

using base::Json;
using collectives::Communicator;
using collectives::MpiWorld;

constexpr double kPatience = 5;  // seconds until another node must see a new name
constexpr double kNcclLimit = 60;

struct LinkAmounts {
  std::size_t all_reduce;
  std::size_t exchange;
};
constexpr LinkAmounts kHostAmounts{std::size_t{32} << 20, std::size_t{8} << 20};
constexpr LinkAmounts kDeviceAmounts{std::size_t{256} << 20, std::size_t{64} << 20};

Rank own_facts(const MpiWorld& world, base::FileSystem& files, const topology::Place& place, const OwnGpu& gpu) {
  Rank rank;
  rank.rank = world.rank();
  rank.host = world.host();
  rank.cpus = place.cpus;
  const base::HostLimits limits = base::read_host_limits(files);
  rank.memory_bytes = limits.memory_bytes;
  rank.cpu_quota = limits.cpus;
  for (const launcher::LibraryVersion& library : launcher::library_versions()) {
    const std::string& version = library.loaded.empty() ? library.built_with : library.loaded;
    if (!version.empty()) rank.versions[library.name] = version;
  }
  rank.versions["MPI"] = MpiWorld::library_version();
  LoadedFiles loaded = loaded_files();
  rank.versions["build"] = loaded.program;
  rank.files = std::move(loaded.libraries);
  gpu.describe(rank);
  return rank;
}

void gather_facts(MpiWorld& world, const Rank& own, Survey& survey) {
  for (const std::string& text : gather_texts(world.control(), base::to_line(to_json(own)))) {
    survey.ranks.push_back(rank_from_json(Json::parse(text)));
  }
}

/// Runs `action` and returns its result on this rank, or what went wrong.
template <typename Action>
double measured(Json& error, Action action) {
  try {
    return action();
  } catch (const std::exception& failure) {
    error = base::failure_text(failure);
    return 0;
  }
}

/// The first rank of each node writes a file and then reads the next node's, all nodes at the same time.
void measure_disks(MpiWorld& world, base::FileSystem& files, const DirectoryProbe& probe, std::uint64_t bytes,
                   std::vector<Node>& nodes) {
  const DiskAmount amount{bytes_of_node(bytes, nodes.size()), DiskAmount{}.seconds};
  Json own = {{"write", 0}, {"read", 0}, {"error", ""}};
  std::size_t mine = nodes.size();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].ranks.front() == world.rank()) mine = i;
  }
  const bool measures = mine < nodes.size() && probe.writes();
  world.control().barrier();
  if (measures) {
    own["write"] =
        measured(own["error"], [&] { return write_rate(files, probe.data_file(world.rank()), world.rank(), amount); });
  }
  world.control().barrier();
  if (measures && own["write"] != 0) {
    int writer = nodes[(mine + 1) % nodes.size()].ranks.front();
    if (!files.exists(probe.data_file(writer))) writer = world.rank();  // no file, or another file system
    own["read"] = measured(own["error"], [&] { return read_rate(files, probe.data_file(writer), writer, amount); });
  }
  const auto texts = gather_texts(world.control(), base::to_line(own));
  for (Node& node : nodes) {
    if (texts.empty()) break;
    const Json result = Json::parse(texts[static_cast<std::size_t>(node.ranks.front())]);
    node.write_rate = result.at("write");
    node.read_rate = result.at("read");
    node.disk_error = result.at("error");
  }
}

/// While it exists, a stop signal removes what the probe made before it ends the process.
class RemoveOnSignal {
 public:
  RemoveOnSignal(base::SignalThread& signals, DirectoryProbe& probe) : signals_(signals) {
    signals_.on_signal([&probe](int signal) {
      probe.remove_own();
      base::end_by_signal(signal);
    });
  }
  RemoveOnSignal(const RemoveOnSignal&) = delete;
  RemoveOnSignal& operator=(const RemoveOnSignal&) = delete;
  ~RemoveOnSignal() { signals_.on_signal(base::end_by_signal); }

 private:
  base::SignalThread& signals_;
};

void check_storage(MpiWorld& world, base::SignalThread& signals, base::FileSystem& files, const Examination& wanted,
                   const std::function<void(const std::string& stage)>& stage, Survey& survey) {
  stage("directory");
  DirectoryProbe probe(world.control(), files, wanted.directory);
  const RemoveOnSignal ending(signals, probe);
  survey.directory_was_there = probe.was_there();
  survey.views = probe.look(kPatience);
  stage("disk");
  if (wanted.disk_bytes > 0) measure_disks(world, files, probe, wanted.disk_bytes, survey.nodes);
  probe.close();
}

/// What all ranks know before the links are measured.
struct Wiring {
  std::vector<Node> nodes;
  std::vector<std::string> hosts;  ///< host name of every rank
  double limit_seconds = 0;
};

void measure_links(const Traffic& traffic, const Wiring& wiring, int rails, Survey& survey) {
  const std::vector<Round> rounds = plan_rounds(wiring.nodes, rails);
  const LinkTimes times = time_links(traffic, rounds, wiring.hosts, wiring.limit_seconds);
  const AllReduce all_reduce = time_all_reduce(traffic);
  Json own = Json::array();
  for (const Link& link : times.links) {
    own.push_back({link.first, link.second, link.kind == LinkKind::kWithinNode, link.rate});
  }
  for (const std::string& text : gather_texts(traffic.control, base::to_line(own))) {
    for (const Json& link : Json::parse(text)) {
      survey.links.push_back({link.at(0), link.at(1),
                              link.at(2).get<bool>() ? LinkKind::kWithinNode : LinkKind::kBetweenNodes, link.at(3)});
    }
  }
  survey.rounds_planned = std::ssize(rounds);
  survey.rounds_measured = times.rounds_measured;
  survey.all_reduce = all_reduce;
}

/// Whether each rank has a GPU of its own, as NCCL requires.
bool own_gpu_each(const std::vector<topology::Place>& places) {
  std::vector<std::string> devices;
  for (const topology::Place& place : places) devices.push_back(place.device);
  std::sort(devices.begin(), devices.end());
  return !devices.front().empty() && std::adjacent_find(devices.begin(), devices.end()) == devices.end();
}

/// NCCL over all ranks' GPUs and its memory. They are made together, so that all ranks learn of a failure.
struct NcclTraffic {
  std::unique_ptr<DeviceMemory> send;
  std::unique_ptr<DeviceMemory> receive;
  std::unique_ptr<Communicator> world;  // closed before its memory is released
};

NcclTraffic connect_gpus(MpiWorld& world, const OwnGpu& gpu) {
  NcclTraffic traffic;
  world.together([&] {
    traffic.send = std::make_unique<DeviceMemory>(gpu.functions(), kDeviceAmounts.all_reduce);
    traffic.receive = std::make_unique<DeviceMemory>(gpu.functions(), kDeviceAmounts.exchange);
  });
  world.together([&] {
    collectives::NcclWorldOptions options;
    options.rank = world.rank();
    options.size = world.size();
    options.device = gpu.index();
    options.broadcast = [&](void* data, std::size_t bytes) {
      world.control().broadcast(data, bytes, collectives::DataType::kUInt8, 0);
    };
    options.trace = &world.trace();
    options.limit_seconds = kNcclLimit;
    options.end_job = [&world](const std::string& message) { world.abort_with(message, base::kExitFailed); };
    traffic.world = gpu.functions().make_nccl_world(options);
    traffic.world->barrier();  // the first operation makes the connections
  });
  return traffic;
}

void over_nccl(MpiWorld& world, const OwnGpu& gpu, NcclTraffic traffic, const Wiring& wiring, Survey& survey) {
  constexpr std::size_t kRails = 8;
  std::size_t most = 1;
  for (const Node& node : wiring.nodes) most = std::max(most, node.ranks.size());
  survey.transport = "NCCL";
  measure_links({*traffic.world, world.control(), traffic.send->data(), traffic.receive->data(),
                 kDeviceAmounts.all_reduce, kDeviceAmounts.exchange, [&] { gpu.functions().synchronize(); }},
                wiring, static_cast<int>(std::min(most, kRails)), survey);
  traffic.world->finish();
}

void over_mpi(MpiWorld& world, const Wiring& wiring, Survey& survey) {
  const auto data = world.communicator("doctor");
  const base::AlignedBuffer send(kHostAmounts.all_reduce);
  const base::AlignedBuffer receive(kHostAmounts.exchange);
  std::fill_n(send.data(), send.size(), std::byte{0});
  measure_links({*data, world.control(), send.data(), receive.data(), send.size(), receive.size()}, wiring, 1, survey);
  data->finish();
}

void measure_traffic(MpiWorld& world, const OwnGpu& gpu, bool own_gpus, const Wiring& wiring, Survey& survey) {
  if (!own_gpus) return over_mpi(world, wiring, survey);
  std::optional<NcclTraffic> traffic;
  try {
    traffic = connect_gpus(world, gpu);
  } catch (const base::Error& error) {
    survey.transport_error = error.what();
  }
  if (!traffic) return over_mpi(world, wiring, survey);
  over_nccl(world, gpu, std::move(*traffic), wiring, survey);
}

}  // namespace

Survey examine(MpiWorld& world, base::SignalThread& signals, base::FileSystem& files, const Examination& wanted,
               const std::function<void(const std::string& stage)>& stage) {
  Survey survey;
  survey.directory = wanted.directory;
  survey.wanted_device = wanted.wanted_device;
  stage("facts");
  const OwnGpu gpu(world, wanted.wanted_device);
  const auto places = collectives::gather_places(world, gpu.uuid());
  gather_facts(world, own_facts(world, files, places[static_cast<std::size_t>(world.rank())], gpu), survey);
  Wiring wiring;
  wiring.limit_seconds = wanted.link_seconds;
  std::vector<Rank> named;
  for (const topology::Place& place : places) {
    wiring.hosts.push_back(place.host);
    named.push_back({.rank = place.rank, .host = place.host});
  }
  survey.nodes = wiring.nodes = nodes_of(named);
  measure_clocks(world.control(), survey.nodes);

  check_storage(world, signals, files, wanted, stage, survey);
  stage("links");
  if (world.size() > 1) measure_traffic(world, gpu, own_gpu_each(places), wiring, survey);
  return survey;
}

}  // namespace trireme::doctor
