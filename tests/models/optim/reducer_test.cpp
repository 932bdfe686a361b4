// When the reducer starts which sum, with groups that write down what they are asked for.
#include "models/optim/reducer.hpp"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.hpp"
#include "models/layout/partition.hpp"

namespace trireme::optim {
namespace {

using Calls = std::vector<std::string>;

/// Rank 1 of 2. The other rank contributes 100 to every element of a sum, and the value 7 where it owns one.
class RecordingGroup final : public collectives::Communicator {
 public:
  RecordingGroup(std::string name, const at::Tensor& flat, Calls& calls)
      : name_(std::move(name)), flat_(flat), calls_(calls) {}

  int rank() const override { return 1; }
  int size() const override { return 2; }
  const std::string& name() const override { return name_; }
  bool on_device() const override { return false; }

  collectives::Request start_all_reduce(void* data, std::size_t count, collectives::DataType,
                                        collectives::ReduceOp) override {
    note("sum", data, count);
    for (std::size_t i = 0; i < count; ++i) static_cast<double*>(data)[i] += 100;
    return {};
  }
  collectives::Request start_reduce_scatter(const void* send, void* receive, std::size_t count, collectives::DataType,
                                            collectives::ReduceOp) override {
    note("scatter", send, 2 * count);
    for (std::size_t i = 0; i < count; ++i) static_cast<double*>(receive)[i] += 100;
    return {};
  }
  collectives::Request start_all_gather(const void*, void* receive, std::size_t count, collectives::DataType) override {
    note("gather", receive, 2 * count);
    for (std::size_t i = 0; i < count; ++i) static_cast<double*>(receive)[i] = 7;  // rank 0's part comes first
    return {};
  }
  collectives::Request start_broadcast(void*, std::size_t, collectives::DataType, int) override { refuse(); }
  collectives::Request start_all_to_all(const void*, void*, std::size_t, collectives::DataType) override { refuse(); }
  collectives::Request start_exchange(const std::vector<collectives::Transfer>&) override { refuse(); }
  void barrier() override { refuse(); }
  std::unique_ptr<Communicator> split(int, int, const std::string&) override { refuse(); }
  void finish() override {}

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("not a gradient's sum"); }
  void note(const char* what, const void* data, std::size_t count) {
    const auto* base = static_cast<const double*>(flat_.const_data_ptr());
    const std::int64_t begin = static_cast<const double*>(data) - base;
    const bool inside = begin >= 0 && begin < flat_.numel();
    calls_.push_back(
        base::str(name_, " ", what, inside ? base::str(" ", begin, "+", count) : base::str(" of ", count)));
  }

  std::string name_;
  at::Tensor flat_;
  Calls& calls_;
};

/// Embedding, two layers and a head of 64 elements each; every block is a bucket of its own.
class Reducer : public testing::Test {
 protected:
  static spec::LogicalTensor tensor(const char* name, spec::Place place, std::int64_t layer = -1) {
    spec::LogicalTensor made;
    made.name = name;
    made.shape = {8, 8};
    made.place = place;
    made.layer = layer;
    return made;
  }
  static parallel::ParameterStore make_store() {
    using spec::Place;
    return parallel::ParameterStore(layout::lay_out({{"zero", {tensor("zero", Place::kLayer, 0)}},
                                                     {"one", {tensor("one", Place::kLayer, 1)}},
                                                     {"head", {tensor("head", Place::kHead)}},
                                                     {"embed", {tensor("embed", Place::kEmbedding)}}},
                                                    0, 1, 64, 64),
                                    at::kDouble, at::kDouble, at::kCPU);
  }
  ReducerOptions options(const std::string& tied = "") const {
    ReducerOptions made;
    made.buckets = layout::cut_into_buckets(store_.layout(), tied, {64, 64}, 2);
    made.layers = 2;
    made.tied = tied;
    return made;
  }

  parallel::ParameterStore store_ = make_store();
  Calls calls_;
  RecordingGroup dp_{"dp", store_.flat_grads(), calls_};
};

TEST_F(Reducer, ABucketStartsWhenItsBlocksAndAllBucketsBeforeAreDone) {
  GradientReducer reducer(store_, options(), {nullptr, &dp_, nullptr});
  reducer.begin();
  reducer.done(1);
  EXPECT_THAT(calls_, testing::IsEmpty()) << "the bucket of layer 0 lies before";
  reducer.done(0);
  EXPECT_EQ(calls_, (Calls{"dp sum 0+64", "dp sum 64+64"}));
  reducer.done(2);
  reducer.done(-1);
  reducer.finish();
  EXPECT_EQ(calls_, (Calls{"dp sum 0+64", "dp sum 64+64", "dp sum 128+64", "dp sum 192+64"}));
  EXPECT_EQ(store_.flat_grads().min().item<double>(), 100);
}

TEST_F(Reducer, ABackwardThatLeftABlockOutIsAnError) {
  GradientReducer reducer(store_, options(), {nullptr, &dp_, nullptr});
  reducer.begin();
  for (const std::int64_t layer : {2, 1, 0}) reducer.done(layer);
  EXPECT_THROW(reducer.finish(), base::Error);
}

TEST_F(Reducer, EachStepBeginsAnew) {
  GradientReducer reducer(store_, options(), {nullptr, &dp_, nullptr});
  for (int step = 0; step < 2; ++step) {
    calls_.clear();
    reducer.begin();
    for (const std::int64_t layer : {2, 1, 0, -1}) reducer.done(layer);
    reducer.finish();
    EXPECT_EQ(calls_.size(), 4U) << step;
  }
}

TEST_F(Reducer, TheTiedBlockIsSummedOverItsEndsFirstAndOverDpLast) {
  RecordingGroup tied("tied", store_.flat_grads(), calls_);
  GradientReducer reducer(store_, options("embed"), {nullptr, &dp_, &tied});
  reducer.begin();
  for (const std::int64_t layer : {-1, 2, 1, 0}) reducer.done(layer);
  EXPECT_EQ(calls_, (Calls{"dp sum 0+64", "dp sum 64+64", "dp sum 128+64"}));
  reducer.finish();
  EXPECT_EQ(calls_, (Calls{"dp sum 0+64", "dp sum 64+64", "dp sum 128+64", "tied sum 192+64", "dp sum 192+64"}));
}

TEST_F(Reducer, UnderZeroARankGetsItsHalfOfEachSumAndTheOthersValues) {
  ReducerOptions made = options();
  made.partition = true;
  GradientReducer reducer(store_, made, {nullptr, &dp_, nullptr});
  reducer.begin();
  for (const std::int64_t layer : {2, 1, 0, -1}) reducer.done(layer);
  reducer.finish();
  EXPECT_EQ(calls_, (Calls{"dp scatter 0+64", "dp scatter 64+64", "dp scatter 128+64", "dp scatter 192+64"}));
  EXPECT_EQ(store_.flat_grads()[31].item<double>(), 0);
  EXPECT_EQ(store_.flat_grads()[32].item<double>(), 100) << "rank 1 owns the second half";
  store_.flat_values().fill_(1);
  reducer.gather_values();
  EXPECT_EQ(store_.flat_values()[31].item<double>(), 7);
  EXPECT_EQ(store_.flat_values()[32].item<double>(), 1);
}

TEST_F(Reducer, PartialGradientsAreSummedOverTpBeforeTheirBucketStarts) {
  spec::LogicalTensor norm = tensor("norm", spec::Place::kLayer, 0);
  norm.partial = spec::Partial::kSequence;
  parallel::ParameterStore store(layout::lay_out({{"norm", {norm}}}, 0, 1, 64, 64), at::kDouble, at::kDouble, at::kCPU);
  RecordingGroup tp("tp", store.flat_grads(), calls_), dp("dp", store.flat_grads(), calls_);
  ReducerOptions made;
  made.buckets = layout::cut_into_buckets(store.layout(), "", {64, 64}, 2);
  made.sequence_parallel = true;
  GradientReducer reducer(store, made, {&tp, &dp, nullptr});
  reducer.begin();
  reducer.done(0);
  reducer.finish();
  EXPECT_EQ(calls_, (Calls{"tp sum of 64", "dp sum 0+64"}));
  EXPECT_EQ(store.flat_grads()[0].item<double>(), 200);
}

TEST_F(Reducer, AloneThereIsNothingToSum) {
  GradientReducer reducer(store_, options(), {});
  reducer.begin();
  for (const std::int64_t layer : {2, 1, 0, -1}) reducer.done(layer);
  reducer.finish();
  reducer.gather_values();
  EXPECT_THAT(calls_, testing::IsEmpty());
}

}  // namespace
}  // namespace trireme::optim
