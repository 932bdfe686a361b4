#include "launcher/session/session.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/error.hpp"
#include "collectives/mpi/places.hpp"
#include "io/tokens/batch_plan.hpp"
#include "launcher/options/groups.hpp"
#include "models/pipeline/matmul_peak.hpp"

namespace trireme::launcher {
namespace {

using collectives::DataType;
using collectives::ReduceOp;

pipeline::Precision precision_of(const std::string& name) {
  if (name == "fp64") return pipeline::Precision::kFp64;
  return name == "bf16" ? pipeline::Precision::kBf16 : pipeline::Precision::kFp32;
}

transformer::Recompute recompute_of(const std::string& name) {
  if (name == "full") return transformer::Recompute::kFull;
  return name == "selective" ? transformer::Recompute::kSelective : transformer::Recompute::kNone;
}

Processor choose_processor(collectives::MpiWorld& world, const options::RunOptions& options, const Device& device) {
  Processor processor;
  if (device.cuda()) processor.device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device.index()));
  // LibTorch would use every processor of the machine whatever the mask says, so it is told what this rank may use.
  processor.threads = topology::threads_of(collectives::gather_places(world, ""), world.rank());
  processor.precision = precision_of(options.train.precision);
  return processor;
}

pipeline::ModelSetup model_setup(const options::Resolved& resolved, const Processor& processor) {
  pipeline::ModelSetup setup;
  setup.model = resolved.model;
  setup.degrees = resolved.degrees;
  setup.chunks = static_cast<int>(resolved.options.parallel.chunks);
  setup.sequence_parallel = *resolved.options.parallel.sequence_parallel;
  setup.precision = processor.precision;
  setup.device = processor.device;
  return setup;
}

optim::RuleOptions rule_options(const options::OptimizerSection& given) {
  optim::RuleOptions rule;
  rule.kind = optim::rule_kind(given.name);
  rule.weight_decay = *given.weight_decay;
  rule.beta1 = given.beta1.value_or(rule.beta1);
  rule.beta2 = given.beta2.value_or(rule.beta2);
  rule.eps = given.eps.value_or(rule.eps);
  rule.momentum = given.momentum.value_or(rule.momentum);
  rule.nesterov = given.nesterov.value_or(rule.nesterov);
  if (!given.muon_lr.empty()) rule.muon_scale = optim::muon_scale(given.muon_lr);
  return rule;
}

pipeline::TrainerConfig trainer_config(const options::Resolved& resolved, const Processor& processor) {
  const options::RunOptions& options = resolved.options;
  pipeline::TrainerConfig config{model_setup(resolved, processor)};
  config.schedule = resolved.plan.kind;
  config.recompute = recompute_of(options.train.recompute);
  config.zero = static_cast<int>(options.parallel.zero);
  config.bucket_bytes = options.parallel.bucket_mb << 20;
  config.micro_batch = options.train.micro_batch;
  config.micro_batches = resolved.plan.micro_batches;
  config.seed = static_cast<std::uint64_t>(options.run.seed);
  config.optimizer = rule_options(options.optimizer);
  config.clip = options.optimizer.clip;
  config.groups = options::parameter_groups(options);
  for (const auto& [name, optimizer] : options::optimizers_of_groups(options)) {
    config.rules[name] = rule_options(optimizer);
  }
  return config;
}

at::Tensor to_device(const std::vector<std::int32_t>& values, std::int64_t rows, std::int64_t columns,
                     const at::Device& device) {
  const at::Tensor host = at::empty({rows, columns}, at::TensorOptions(at::kInt).pinned_memory(device.is_cuda()));
  std::ranges::copy(values, host.mutable_data_ptr<std::int32_t>());
  return host.to(device, /*non_blocking=*/true);
}

std::unique_ptr<collectives::Communicator> nccl_world(collectives::MpiWorld& world, collectives::Communicator& host,
                                                      const Device& device, collectives::Watchdog* watchdog) {
  collectives::NcclWorldOptions options;
  options.rank = world.rank();
  options.size = world.size();
  options.device = device.index();
  options.broadcast = [&host](void* data, std::size_t bytes) { host.broadcast(data, bytes, DataType::kUInt8, 0); };
  options.trace = &world.trace();
  // With all ranks at it no operation takes that long. Without a watchdog nobody can tell a late rank from one that
  // hangs.
  constexpr double kOfAnOperation = 600;
  constexpr double kOfARank = 3600;
  options.limit_seconds = watchdog != nullptr ? kOfAnOperation : kOfARank;
  if (watchdog != nullptr) options.ask = [watchdog](const std::vector<int>& ranks) { return watchdog->ask(ranks); };
  options.end_job = [&world](const std::string& message) {
    // A rank that failed has closed its connections, which the others notice before it has said why: it speaks first.
    std::this_thread::sleep_for(std::chrono::seconds(2));
    world.abort_with(message, base::kExitFailed, "");  // a rank's connections fail for the sake of others
  };
  return device.functions().make_nccl_world(options);
}

// Every rank's host name, in rank order.
std::vector<std::string> gather_hosts(const collectives::MpiWorld& world, collectives::Communicator& all) {
  constexpr std::size_t kName = 256;
  std::string name = world.host();
  name.resize(kName);
  std::string names(kName * static_cast<std::size_t>(all.size()), '\0');
  all.all_gather(name.data(), names.data(), kName, DataType::kUInt8);
  std::vector<std::string> hosts;
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(all.size()); ++rank) {
    hosts.emplace_back(names.substr(kName * rank, kName).c_str());
  }
  return hosts;
}

}  // namespace

Session::Session(collectives::MpiWorld& world, const options::Resolved& resolved, const Device& device, Purpose purpose,
                 collectives::Watchdog* watchdog)
    : world_(world),
      resolved_(resolved),
      device_(device),
      mesh_(resolved.degrees),
      processor_(choose_processor(world, resolved.options, device)) {
  at::set_num_threads(processor_.threads);
  at::set_num_interop_threads(1);
  at::globalContext().setDeterministicAlgorithms(resolved.options.train.deterministic, false);
  // Fresh memory is always written before it is read: filling it would cost a kernel for each tensor.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  host_world_ = world_.communicator("world");
  if (device.cuda()) device_world_ = nccl_world(world_, *host_world_, device, watchdog);
  groups_ = pipeline::make_groups(device_world_ ? *device_world_ : *host_world_, mesh_,
                                  static_cast<int>(resolved.options.parallel.chunks));
  checkpoint_world_ = world_.communicator("checkpoint");
  host_of_rank_ = gather_hosts(world_, *checkpoint_world_);
  ranks_on_node_ = static_cast<int>(std::ranges::count(host_of_rank_, world_.host()));
  for (const std::string& host : host_of_rank_) {
    if (std::find(hosts_.begin(), hosts_.end(), host) == hosts_.end()) hosts_.push_back(host);
  }
  const auto node = std::find(hosts_.begin(), hosts_.end(), world_.host()) - hosts_.begin();
  coordinator_ = std::make_unique<CommunicatorCoordinator>(*checkpoint_world_, static_cast<int>(node),
                                                           static_cast<int>(hosts_.size()));
  background_world_ = world_.communicator("background");
  background_coordinator_ = std::make_unique<CommunicatorCoordinator>(*background_world_, coordinator_->node(),
                                                                      coordinator_->nodes(), Waiting::kIdle);
  world_.together([&] {
    const pipeline::Groups groups = groups_.with_world(*host_world_);
    if (purpose == Purpose::kTraining) {
      trainer_ = std::make_unique<pipeline::Trainer>(trainer_config(resolved_, processor_), groups);
    } else {
      inference_ = std::make_unique<pipeline::Inference>(model_setup(resolved_, processor_), groups);
    }
  });
}

Session::~Session() = default;

pipeline::Trainer& Session::trainer() {
  if (!trainer_) throw base::Error("a session for inference has no trainer");
  return *trainer_;
}

double Session::measure_peak() {
  // All ranks measure at once, and the slowest one's time counts for all, since ranks may share processors.
  double best = 0.0;
  for (int round = 0; round < 3; ++round) {
    world_.control().barrier();
    const pipeline::MatmulTiming timing =
        pipeline::time_matmul(processor_.device, pipeline::value_type(processor_.precision));
    double rate = timing.flops / timing.seconds;  // ranks may have made different numbers of products
    world_.control().all_reduce(&rate, 1, DataType::kFloat64, ReduceOp::kMin);
    best = std::max(best, world_.size() * rate);
  }
  return best;
}

std::uint64_t Session::device_memory() const {
  if (!device_.cuda()) return 0;
  using c10::CachingAllocator::StatType;
  const auto stats = c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(processor_.device.index());
  return static_cast<std::uint64_t>(stats.allocated_bytes[static_cast<std::size_t>(StatType::AGGREGATE)].peak);
}

transformer::MicroBatch Session::micro_batch(const tokens::Batch& batch, std::int64_t step,
                                             const std::vector<std::int64_t>& types) const {
  const auto rows = std::ssize(batch.samples);
  const std::int64_t columns = std::ssize(batch.tokens) / rows;
  // All in one copy, from pinned memory where there is a device, so that the host need not wait for it.
  const bool cuda = processor_.device.is_cuda();
  const at::Tensor host =
      at::empty({types.empty() ? 2 : 3, rows, columns}, at::TensorOptions(at::kLong).pinned_memory(cuda));
  auto* to = host.mutable_data_ptr<std::int64_t>();
  std::ranges::copy(batch.tokens, to);
  std::ranges::copy(batch.targets, to + rows * columns);
  std::ranges::copy(types, to + 2 * rows * columns);
  const at::Tensor all = host.to(processor_.device, /*non_blocking=*/true);
  transformer::MicroBatch result;
  result.tokens = all.select(0, 0);
  result.targets = all.select(0, 1);
  if (!types.empty()) result.types = all.select(0, 2);
  if (!batch.starts.empty()) result.starts = to_device(batch.starts, rows, columns, processor_.device);
  result.samples.assign(batch.samples.begin(), batch.samples.end());
  result.step = step;
  return result;
}

std::optional<Session::Validation> Session::validate(const tokens::DataSource& source, std::uint64_t count,
                                                     const std::function<bool()>& keep_going) {
  const tokens::ValidationPlan plan{count, resolved_.options.train.micro_batch, resolved_.degrees.dp};
  // Takes a bounded number of micro-batches at a time, since validation sets may be large.
  constexpr std::int64_t kAtOnce = 16;
  double loss_sum = 0.0;
  Validation result;
  for (std::int64_t first = 0; first < plan.micro_batches(); first += kAtOnce) {
    if (first > 0 && !keep_going()) return std::nullopt;
    std::vector<transformer::MicroBatch> batches;
    for (std::int64_t k = first; k < std::min(first + kAtOnce, plan.micro_batches()); ++k) {
      batches.push_back(micro_batch(source.read(plan.samples(position().dp, k)), 0));
    }
    const pipeline::Evaluation part = model().evaluate(batches);
    loss_sum += part.loss_sum;
    result.targets += part.targets;
  }
  result.loss = result.targets == 0 ? 0.0 : loss_sum / static_cast<double>(result.targets);
  return result;
}

void Session::finish() {
  groups_.finish();
  if (device_world_) device_world_->finish();
  host_world_->finish();
  checkpoint_world_->finish();
  background_world_->finish();
}

}  // namespace trireme::launcher
