// Whole pipeline schedules over the fake machine: links between stages on streams of their own, and a host that waits
// for nothing before the end of the step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "collectives/topology/mesh.hpp"
#include "models/pipeline/groups.hpp"
#include "tests/collectives/nccl/fake_world.hpp"
#include "tests/fake/device_buffer.hpp"
#include "tests/models/schedule/plans.hpp"
#include "tests/support/random.hpp"

namespace trireme::test {
namespace {

using collectives::DataType;
using collectives::Request;
using schedule::Action;
using schedule::ActionKind;
using schedule::Payload;
using testing::Each;
using testing::IsEmpty;

constexpr std::size_t kElements = 4;

/// Does on device memory what the mailbox and the passes do. A pass copies: what is sent for micro-batch m is m + 1 in
/// every chunk, forwards and backwards.
class Steps {
 public:
  Steps(const schedule::Plan& plan, pipeline::StageLinks& links) : plan_(plan), links_(links) {}

  void run() {
    for (const Action& action : schedule::make_schedule(plan_, links_.stage())) {
      switch (action.kind) {
        case ActionKind::kForward: forward(action.chunk, action.micro_batch); break;
        case ActionKind::kBackward: backward(action.chunk, action.micro_batch); break;
        case ActionKind::kExchange: exchange(action); break;
      }
    }
    for (Request& request : requests_) request.wait();
  }

  /// The gradients that came back to the first chunk's input, in the order of the micro-batches.
  std::vector<float> results() {
    std::vector<float> all;
    for (int m = 0; m < plan_.micro_batches; ++m) {
      std::vector<float> values(kElements);
      buffer(Payload::kGradient, 0, m).read(values.data(), kElements * sizeof(float));
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

 private:
  using Key = std::tuple<Payload, int, int>;

  FakeDeviceBuffer& buffer(Payload payload, int chunk, int micro_batch) {
    auto& place = buffers_[{payload, chunk, micro_batch}];
    if (!place) place = std::make_unique<FakeDeviceBuffer>(kElements * sizeof(float));
    return *place;
  }

  /// Waits for what brings the tensor, as the compute stream does.
  FakeDeviceBuffer& taken(Payload payload, int chunk, int micro_batch) {
    const auto coming = arriving_.find({payload, chunk, micro_batch});
    if (coming != arriving_.end()) requests_[coming->second].wait();
    return buffer(payload, chunk, micro_batch);
  }

  void copy(FakeDeviceBuffer& from, FakeDeviceBuffer& to) {
    EXPECT_EQ(cudaMemcpyAsync(to.data(), from.data(), kElements * sizeof(float), cudaMemcpyDeviceToDevice, nullptr),
              cudaSuccess);
  }

  void forward(int chunk, int micro_batch) {
    FakeDeviceBuffer& output = buffer(Payload::kActivation, chunk, micro_batch);
    if (chunk > 0) return copy(taken(Payload::kActivation, chunk - 1, micro_batch), output);
    const std::vector<float> values(kElements, static_cast<float>(micro_batch + 1));
    output.write(values.data(), kElements * sizeof(float));
  }

  void backward(int chunk, int micro_batch) {
    const bool last = chunk == plan_.stages * plan_.chunks - 1;
    copy(last ? buffer(Payload::kActivation, chunk, micro_batch) : taken(Payload::kGradient, chunk + 1, micro_batch),
         buffer(Payload::kGradient, chunk, micro_batch));
  }

  void exchange(const Action& action) {
    for (const auto& group : schedule::groups_of(links_.stage(), action, links_.communicators())) {
      std::vector<collectives::Transfer> wire;
      for (const schedule::Transfer& transfer : group.transfers) {
        const bool sends = transfer.direction == schedule::Direction::kSend;
        FakeDeviceBuffer& tensor = buffer(transfer.payload, transfer.chunk, transfer.micro_batch);
        if (!sends) arriving_[{transfer.payload, transfer.chunk, transfer.micro_batch}] = requests_.size();
        wire.push_back({sends ? collectives::Transfer::Direction::kSend : collectives::Transfer::Direction::kReceive,
                        tensor.data(), kElements, DataType::kFloat32, transfer.peer});
      }
      requests_.push_back(links_.start(group.link, std::move(wire)));
    }
  }

  schedule::Plan plan_;
  pipeline::StageLinks& links_;
  std::map<Key, std::unique_ptr<FakeDeviceBuffer>> buffers_;
  std::map<Key, std::size_t> arriving_;
  std::vector<Request> requests_;
};

TEST(FakePipeline, EveryScheduleMovesEveryTensor) {
  auto seeds = tests::seeded_random(15);
  for (const schedule::Plan& plan : schedule::all_plans()) {
    if (plan.stages < 2 || plan.stages > 4 || plan.chunks > 2 || plan.micro_batches > 6) continue;
    const auto seed = static_cast<unsigned>(seeds());
    Job job(plan.stages, {.seed = seed, .launch_order = seed % 4 != 0});
    const auto errors = job.run([&](int rank) {
      const auto world = make_world(job, rank);
      pipeline::OwnedGroups groups = pipeline::make_groups(*world, topology::Mesh({.pp = plan.stages}), plan.chunks);
      {
        Steps steps(plan, *groups.links);
        steps.run();
        if (rank == 0) {
          std::vector<float> expected;
          for (int m = 0; m < plan.micro_batches; ++m)
            expected.insert(expected.end(), kElements, static_cast<float>(m + 1));
          EXPECT_EQ(steps.results(), expected) << describe(plan);
        }
        cudaDeviceSynchronize();
      }
      groups.finish();
      world->finish();
    });
    EXPECT_THAT(errors, Each("")) << describe(plan);
    EXPECT_THAT(job.machine.findings(), IsEmpty()) << describe(plan);
  }
}

TEST(FakePipeline, AReceiveBeginsWhenItsBufferIsFreeHoweverLongTheComputationTakes) {
  Job job(2, {.seed = 3});
  const auto errors = job.run([&](int rank) {
    const auto world = make_world(job, rank);
    pipeline::OwnedGroups groups = pipeline::make_groups(*world, topology::Mesh({.pp = 2}), 1);
    {
      FakeDeviceBuffer buffer(kElements * sizeof(float));
      const std::vector<float> values(kElements, 5);
      const bool sends = rank == 0;
      if (sends) buffer.write(values.data(), kElements * sizeof(float));
      const auto since = groups.links->moment();
      if (!sends) job.machine.compute_until_release(nullptr);
      Request request = groups.links->start(
          {0, 1},
          {{sends ? collectives::Transfer::Direction::kSend : collectives::Transfer::Direction::kReceive, buffer.data(),
            kElements, DataType::kFloat32, 1 - rank}},
          since);
      while (!sends && !request.test()) {
      }
      if (!sends) job.machine.release();
      request.wait();
      std::vector<float> read(kElements);
      buffer.read(read.data(), kElements * sizeof(float));
      EXPECT_EQ(read, values);
      cudaDeviceSynchronize();
    }
    groups.finish();
    world->finish();
  });
  EXPECT_THAT(errors, Each(""));
  EXPECT_THAT(job.machine.findings(), IsEmpty());
}

TEST(FakePipeline, LinksReachNeighboursOnly) {
  Job job(4, {.seed = 1});
  const auto errors = job.run([&](int rank) {
    const auto world = make_world(job, rank);
    pipeline::OwnedGroups groups = pipeline::make_groups(*world, topology::Mesh({.pp = 4}), 1);
    EXPECT_EQ(groups.links->communicators(), schedule::Communicators::kPerLink);
    EXPECT_THROW(groups.links->start({rank, (rank + 2) % 4}, {}), base::Error);
    if (rank == 0) {
      EXPECT_THROW(groups.links->start({0, 3}, {}), base::Error);  // no ring with one chunk
    }
    groups.finish();
    world->finish();
  });
  EXPECT_THAT(errors, Each(""));
}

}  // namespace
}  // namespace trireme::test
