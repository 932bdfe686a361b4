// Trains over the fake machine: LibTorch's tensors lie in the fake devices' memory, and NCCL's operations run as late
// as what waits for them allows. So mailbox, reducer and every other user of a communicator show here what they forgot
// to wait for.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.hpp"
#include "collectives/topology/mesh.hpp"
#include "models/pipeline/trainer.hpp"
#include "tests/collectives/nccl/fake_world.hpp"
#include "tests/fake/device_buffer.hpp"
#include "tests/support/random.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::test {
namespace {

using collectives::Communicator;
using collectives::DataType;
using collectives::ReduceOp;
using collectives::Request;
using pipeline::TrainerConfig;
using testing::Each;
using testing::IsEmpty;

/// Memory of a rank's device for LibTorch, used again at once when it is freed, as a caching allocator does.
class Arena {
 public:
  Arena() { EXPECT_EQ(cudaMalloc(&memory_, kBytes), cudaSuccess); }
  ~Arena() { cudaFree(memory_); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* take(std::size_t bytes) {
    const std::size_t size = (bytes + 63) / 64 * 64;
    std::vector<void*>& free = free_[size];
    if (!free.empty()) {
      void* data = free.back();
      free.pop_back();
      return data;
    }
    std::size_t room = kBytes - used_;
    void* data = static_cast<char*>(memory_) + used_;
    if (std::align(64, size, data, room) == nullptr) throw std::bad_alloc();
    used_ = kBytes - room + size;
    return data;
  }
  void give_back(void* data, std::size_t bytes) { free_[(bytes + 63) / 64 * 64].push_back(data); }

 private:
  static constexpr std::size_t kBytes = 16 << 20;
  void* memory_ = nullptr;
  std::size_t used_ = 0;
  std::map<std::size_t, std::vector<void*>> free_;
};

thread_local Arena* t_arena = nullptr;  ///< of the rank that this thread is; null outside of ranks

/// LibTorch's allocator for host memory in this program: a rank's tensors come from its arena.
class RankAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    if (t_arena == nullptr) return c10::GetDefaultCPUAllocator()->allocate(bytes);
    auto* block = new Block{t_arena, bytes == 0 ? nullptr : t_arena->take(bytes), bytes};
    return {block->data, block, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  struct Block {
    Arena* arena;
    void* data;
    std::size_t bytes;
  };
  static void release(void* context) {
    const std::unique_ptr<Block> block(static_cast<Block*>(context));
    if (block->data != nullptr) block->arena->give_back(block->data, block->bytes);
  }
};

/// LibTorch computes at once, where a device computes after what its stream waits for: after each wait for a
/// communicator, the host waits for the compute stream.
class Drained final : public Request::State {
 public:
  explicit Drained(Request inner) : inner_(std::move(inner)) {}
  bool test() override {
    if (!inner_.test()) return false;
    drain();
    return true;
  }
  void wait() override {
    inner_.wait();
    drain();
  }
  void abandon() noexcept override {}

 private:
  static void drain() { EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaSuccess); }
  Request inner_;
};

Request drained(Request inner) { return Request(std::make_unique<Drained>(std::move(inner))); }

class DrainedCommunicator final : public Communicator {
 public:
  explicit DrainedCommunicator(std::unique_ptr<Communicator> inner) : inner_(std::move(inner)) {}

  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  const std::string& name() const override { return inner_->name(); }
  bool on_device() const override { return true; }
  Request start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) override {
    return drained(inner_->start_all_reduce(data, count, type, op));
  }
  Request start_reduce_scatter(const void* send, void* receive, std::size_t count, DataType type,
                               ReduceOp op) override {
    return drained(inner_->start_reduce_scatter(send, receive, count, type, op));
  }
  Request start_all_gather(const void* send, void* receive, std::size_t count, DataType type) override {
    return drained(inner_->start_all_gather(send, receive, count, type));
  }
  std::vector<Request> start_all_gathers(const std::vector<collectives::Gather>& gathers) override {
    std::vector<Request> requests;
    for (Request& request : inner_->start_all_gathers(gathers)) requests.push_back(drained(std::move(request)));
    return requests;
  }
  Request start_broadcast(void* data, std::size_t count, DataType type, int root) override {
    return drained(inner_->start_broadcast(data, count, type, root));
  }
  Request start_all_to_all(const void* send, void* receive, std::size_t count, DataType type) override {
    return drained(inner_->start_all_to_all(send, receive, count, type));
  }
  Request start_exchange(const std::vector<collectives::Transfer>& transfers) override {
    return drained(inner_->start_exchange(transfers));
  }
  std::shared_ptr<collectives::Moment> moment() override { return inner_->moment(); }
  Request start_exchange_since(const std::shared_ptr<collectives::Moment>& since,
                               const std::vector<collectives::Transfer>& transfers) override {
    return drained(inner_->start_exchange_since(since, transfers));
  }
  void connect(const std::vector<int>& peers) override { inner_->connect(peers); }
  void barrier() override { inner_->barrier(); }
  std::unique_ptr<Communicator> split(int color, int key, const std::string& name) override {
    return wrapped(inner_->split(color, key, name));
  }
  std::unique_ptr<Communicator> split_with_stream(int color, int key, const std::string& name) override {
    return wrapped(inner_->split_with_stream(color, key, name));
  }
  void finish() override { inner_->finish(); }

 private:
  static std::unique_ptr<Communicator> wrapped(std::unique_ptr<Communicator> inner) {
    return inner ? std::make_unique<DrainedCommunicator>(std::move(inner)) : nullptr;
  }

  std::unique_ptr<Communicator> inner_;
};

/// The communicator of all ranks for host memory: sums go through the devices.
class HostWorld final : public Communicator {
 public:
  explicit HostWorld(Communicator& devices) : devices_(devices) {}

  int rank() const override { return devices_.rank(); }
  int size() const override { return devices_.size(); }
  const std::string& name() const override { return devices_.name(); }
  bool on_device() const override { return false; }
  Request start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) override {
    FakeDeviceBuffer buffer(count * collectives::size_of(type));
    buffer.write(data, count * collectives::size_of(type));
    devices_.all_reduce(buffer.data(), count, type, op);
    buffer.read(data, count * collectives::size_of(type));
    return {};
  }
  Request start_reduce_scatter(const void*, void*, std::size_t, DataType, ReduceOp) override { refuse(); }
  Request start_all_gather(const void*, void*, std::size_t, DataType) override { refuse(); }
  Request start_broadcast(void*, std::size_t, DataType, int) override { refuse(); }
  Request start_all_to_all(const void*, void*, std::size_t, DataType) override { refuse(); }
  Request start_exchange(const std::vector<collectives::Transfer>&) override { refuse(); }
  void barrier() override { refuse(); }
  std::unique_ptr<Communicator> split(int, int, const std::string&) override { refuse(); }
  void finish() override {}

 private:
  [[noreturn]] static void refuse() { throw base::Error("a trainer only sums over all ranks"); }

  Communicator& devices_;
};

constexpr std::int64_t kBatch = 8;
constexpr int kSteps = 2;

TrainerConfig config_of(const topology::Degrees& degrees, schedule::ScheduleKind kind, int chunks, int zero,
                        std::int64_t micro_batch) {
  TrainerConfig config;
  config.model = spec::make_plan(tests::small_model_of(
      "gpt2",
      {.layers = 4, .hidden = 16, .heads = 4, .kv_heads = 4, .ffn = 32, .sequence = 8, .vocab = 37, .tied = true}));
  config.degrees = degrees;
  config.schedule = kind;
  config.chunks = chunks;
  config.zero = zero;
  config.micro_batch = micro_batch;
  config.micro_batches = kBatch / (degrees.dp * micro_batch);
  config.precision = pipeline::Precision::kFp64;
  config.seed = 7;
  config.optimizer.eps = 1e-8;
  config.bucket_bytes = 2048;
  return config;
}

/// This dp rank's part of the global batch of a step.
std::vector<transformer::MicroBatch> batches_of(const TrainerConfig& config, int dp_rank, int step) {
  std::vector<transformer::MicroBatch> batches;
  for (std::int64_t m = 0; m < config.micro_batches; ++m) {
    transformer::MicroBatch batch;
    batch.tokens = at::empty({config.micro_batch, config.model.sequence}, at::kLong);
    batch.targets = at::empty({config.micro_batch, config.model.sequence}, at::kLong);
    auto* tokens = batch.tokens.mutable_data_ptr<std::int64_t>();
    auto* targets = batch.targets.mutable_data_ptr<std::int64_t>();
    for (std::int64_t row = 0; row < config.micro_batch; ++row) {
      const std::int64_t sample = (dp_rank * config.micro_batches + m) * config.micro_batch + row;
      batch.samples.push_back(sample);
      for (std::int64_t t = 0; t < config.model.sequence; ++t) {
        const std::int64_t token = (11 * step + 5 * sample + t * t) % config.model.vocab;
        *tokens++ = token;
        *targets++ = (token * 3 + 1) % config.model.vocab;
      }
    }
    batch.step = step;
    batches.push_back(batch);
  }
  return batches;
}

/// Loss and gradient norm of each step.
std::vector<double> train(const TrainerConfig& config, const pipeline::Groups& groups, int dp_rank) {
  pipeline::Trainer trainer(config, groups);
  trainer.initialise();
  std::vector<double> figures;
  for (int step = 0; step < kSteps; ++step) {
    const auto batches = batches_of(config, dp_rank, step);
    const auto result = trainer.step(batches, kBatch * config.model.sequence, 1e-2);
    figures.push_back(result.loss);
    figures.push_back(result.grad_norm);
  }
  return figures;
}

TEST(FakeLayout, EveryKindOfLayoutTrainsLikeOneRank) {
  using schedule::ScheduleKind;
  at::set_num_threads(1);
  RankAllocator allocator;
  c10::SetCPUAllocator(&allocator, 200);
  const auto one_rank = config_of({}, ScheduleKind::kOneForwardOneBackward, 1, 0, kBatch);
  std::vector<double> expected;
  {
    const c10::InferenceMode no_autograd;
    expected = train(one_rank, {}, 0);
  }
  struct Case {
    topology::Degrees degrees;
    ScheduleKind kind = ScheduleKind::kOneForwardOneBackward;
    int chunks = 1;
    int zero = 0;
    std::int64_t micro_batch = 2;
  };
  const std::vector<Case> cases = {
      {{.tp = 2}},
      {{.dp = 2}},
      {{.dp = 4}, ScheduleKind::kOneForwardOneBackward, 1, 1, 1},
      {{.pp = 2}, ScheduleKind::kOneForwardOneBackward, 1, 0, kBatch},
      {{.pp = 3}, ScheduleKind::kGpipe, 1, 0, kBatch},
      {{.pp = 4}, ScheduleKind::kOneForwardOneBackward, 1, 0, 1},
      {{.pp = 2}, ScheduleKind::kInterleaved, 2, 0, 2},
      {{.tp = 2, .pp = 2}},
      {{.dp = 2, .pp = 2}, ScheduleKind::kOneForwardOneBackward, 1, 1, 1},
  };
  auto seeds = tests::seeded_random(19);
  for (const Case& one : cases) {
    const auto config = config_of(one.degrees, one.kind, one.chunks, one.zero, one.micro_batch);
    const std::string name = base::str(topology::to_string(one.degrees), " zero ", one.zero, " chunks ", one.chunks,
                                       " micro-batch ", one.micro_batch);
    Job job(config.degrees.world(), {.seed = static_cast<unsigned>(seeds())});
    const auto errors = job.run([&](int rank) {
      const c10::InferenceMode no_autograd;
      Arena arena;
      t_arena = &arena;
      DrainedCommunicator world(make_world(job, rank));
      HostWorld host(world);
      const topology::Mesh mesh(config.degrees);
      pipeline::OwnedGroups groups = pipeline::make_groups(world, mesh, config.chunks);
      const auto figures = train(config, groups.with_world(host), mesh.coordinates(rank).dp);
      ASSERT_EQ(figures.size(), expected.size());
      for (std::size_t i = 0; i < figures.size(); ++i) {
        EXPECT_NEAR(figures[i], expected[i], 1e-12 * std::abs(expected[i])) << name << ", rank " << rank;
      }
      cudaDeviceSynchronize();
      groups.finish();
      world.finish();
      t_arena = nullptr;
    });
    EXPECT_THAT(errors, Each("")) << name;
    EXPECT_THAT(job.machine.findings(), IsEmpty()) << name;
  }
}

}  // namespace
}  // namespace trireme::test
