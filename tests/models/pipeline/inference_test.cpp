// A model that is only used: on each rank by itself, and on all four together, against the whole model's logits.
#include "models/pipeline/inference.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/error.hpp"
#include "models/pipeline/trainer.hpp"
#include "tests/models/pipeline/inference_run.hpp"
#include "tests/support/mpi_main.hpp"
#include "tests/support/random.hpp"

namespace trireme::pipeline {
namespace {

using tests::Used;
using transformer::MicroBatch;
using Tokens = std::vector<std::int64_t>;

struct Case {
  std::string name;
  spec::ModelConfig model;
  topology::Degrees degrees;
  bool sequence_parallel = true;
  int chunks = 1;

  bool alone() const { return degrees.world() == 1; }
};

std::vector<Case> cases() {
  const spec::ModelConfig gpt2 = test::small_model("gpt2");
  spec::ModelConfig llama = test::small_model("llama");
  llama.kv_heads = 3;  // tp ranks share one of them
  llama.window = {4, 0};
  llama.head_soft_cap = 3;
  spec::ModelConfig deep = gpt2;
  deep.layers = 4;
  deep.vocab = 3;  // the last tp rank has none of it
  deep.qk_norm = spec::QkNorm::kWidth;
  const topology::Degrees one{1, 1, 1, 1}, both{2, 1, 1, 2};
  return {{"gpt2_alone", gpt2, one},
          {"llama_alone", llama, one},
          {"gpt2_tp2_pp2", gpt2, both},
          {"llama_tp2_pp2", llama, both},
          {"llama_without_sequence_parallel", llama, both, false},
          {"tp4", deep, {4, 1, 1, 1}},
          {"pp2_dp2_in_two_chunks", deep, {1, 1, 2, 2}, true, 2}};
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

at::Tensor rows_of(const std::vector<Tokens>& rows) {
  std::vector<at::Tensor> all;
  for (const Tokens& row : rows) {
    all.push_back(at::from_blob(const_cast<std::int64_t*>(row.data()), {1, std::ssize(row)}, at::kLong).clone());
  }
  return at::cat(all);
}

class InferenceTest : public testing::TestWithParam<Case> {
 protected:
  InferenceTest() : used_(setup(), GetParam().alone() ? nullptr : world_.get()) {}

  static ModelSetup setup(Precision precision = Precision::kFp64) {
    ModelSetup setup = tests::setup_of(GetParam().model, GetParam().degrees, precision);
    setup.sequence_parallel = GetParam().sequence_parallel;
    setup.chunks = GetParam().chunks;
    return setup;
  }

  /// The whole model's logits (B, T, vocabulary).
  at::Tensor logits(const at::Tensor& tokens) {
    MicroBatch batch;
    batch.tokens = tokens;
    return whole_.chunk.logits(batch, {}).transpose(0, 1);
  }
  void expect_next(const at::Tensor& found, const Tokens& text, const char* when) {
    const at::Tensor wanted = logits(rows_of({text}))[0][-1];
    EXPECT_LE(largest(found.sub(wanted)), 1e-6 * (1 + largest(wanted))) << when << ", " << text.size() << " tokens";
  }

  std::unique_ptr<collectives::Communicator> world_ = test::world().communicator("layout");
  test::Model whole_{GetParam().model, {}};
  Used used_;
};

// Three texts of different lengths; one ends early and another takes its place, and a text gets several tokens at once.
TEST_P(InferenceTest, TextsOfDifferentLengthsGoOnTogether) {
  std::mt19937 random = tests::seeded_random(21);
  const auto token = [&] { return static_cast<std::int64_t>(random() % GetParam().model.vocab); };
  std::map<int, Tokens> texts;
  Generation generation = used_.model.generation();
  const auto start = [&](std::size_t length) {
    Tokens text(length);
    for (std::int64_t& one : text) one = token();
    const int slot = generation.open(16);
    expect_next(generation.append(slot, text), text, "start");
    texts[slot] = text;
    return slot;
  };
  const auto advance = [&] {
    std::vector<int> slots;
    Tokens tokens;
    for (auto& [slot, text] : texts) {
      slots.push_back(slot);
      text.push_back(token());
      tokens.push_back(text.back());
    }
    const at::Tensor found = generation.advance(slots, tokens);
    ASSERT_EQ(found.size(0), std::ssize(slots));
    for (std::size_t i = 0; i < slots.size(); ++i) {
      expect_next(found[static_cast<std::int64_t>(i)], texts.at(slots[i]), "advance");
    }
  };
  start(3);
  const int second = start(9);
  start(1);
  advance();
  advance();
  generation.release(second);
  texts.erase(second);
  EXPECT_EQ(start(5), second);
  const Tokens more{token(), token(), token()};
  texts.at(0).insert(texts.at(0).end(), more.begin(), more.end());
  expect_next(generation.append(0, more), texts.at(0), "more");
  for (int step = 0; step < 3; ++step) advance();
  EXPECT_EQ(generation.length(0), std::ssize(texts.at(0)));
}

// In a batch of any size, and of any lengths. With more than two tp ranks MPI may add them up in another order where
// there is more to add.
TEST_P(InferenceTest, ATextsLogitsHaveTheSameBitsInAnyCompany) {
  const auto text = [](std::int64_t number) {
    Tokens tokens;
    for (std::int64_t t = 0; t <= number % 5; ++t) tokens.push_back((number * 5 + t) % 3);
    return tokens;
  };
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    Used used(setup(precision), GetParam().alone() ? nullptr : world_.get());
    Generation generation = used.model.generation();
    std::vector<int> slots;
    for (int number = 0; number < 50; ++number) {
      slots.push_back(generation.open(8));
      generation.append(slots.back(), text(number));
    }
    const Tokens twos(slots.size(), 2);
    generation.advance(slots, twos);
    const at::Tensor together = generation.advance(slots, twos);
    for (const std::int64_t number : {0, 17, 49}) {
      const std::vector<int> alone{generation.open(8)};
      generation.append(alone.front(), text(number));
      generation.advance(alone, Tokens{2});
      const at::Tensor logits = generation.advance(alone, Tokens{2})[0];
      if (GetParam().degrees.tp <= 2) {
        EXPECT_TRUE(at::equal(logits, together[number])) << number;
      } else {
        EXPECT_LE(largest(logits.sub(together[number])), 0.05 * largest(logits)) << number;
      }
    }
  }
}

TEST_P(InferenceTest, ScoresAreThoseOfTheLogits) {
  const spec::ModelConfig& model = GetParam().model;
  for (const std::int64_t length : {8, 7}) {
    MicroBatch batch = test::random_batch(model, 3, length);
    const at::Tensor z = logits(batch.tokens), best = z.argmax(2);
    batch.targets[1].copy_(best[1]);  // these are greedy
    const Scores scores = used_.model.score(batch);
    const at::Tensor there = batch.targets.ge(0);
    const at::Tensor wanted =
        at::log_softmax(z, 2).gather(2, batch.targets.clamp_min(0).unsqueeze(2)).squeeze(2).mul(there);
    EXPECT_LE(largest(scores.log_probability_BT.sub(wanted)), 1e-12 * largest(wanted));
    EXPECT_TRUE(at::equal(scores.greedy_BT, best.eq(batch.targets)));
    // The sum is the loss.
    const Evaluation evaluation = used_.model.evaluate(std::vector<MicroBatch>{batch});
    const int copies = GetParam().degrees.dp;  // dp ranks evaluated the same batch
    EXPECT_NEAR(evaluation.loss_sum / copies, -wanted.sum().item<double>(), 1e-11 * evaluation.loss_sum);
    EXPECT_EQ(evaluation.targets, copies * there.sum().item<std::int64_t>());
  }
}

TEST_P(InferenceTest, HiddenStatesAreThoseOfOneRank) {
  for (const std::int64_t length : {8, 7}) {
    MicroBatch batch;
    batch.tokens = test::random_batch(GetParam().model, 2, length).tokens;
    const at::Tensor wanted = whole_.chunk.hidden(batch, {}).transpose(0, 1);
    const at::Tensor found = used_.model.hidden(batch);
    ASSERT_EQ(found.sizes(), wanted.sizes());
    EXPECT_LE(largest(found.sub(wanted)), 1e-12 * largest(wanted));
  }
}

// Every box is the stored one, rounded to fp32 and then to bf16: then the losses have the same bits.
TEST_P(InferenceTest, EvaluatesAsItsTrainingDoesToTheBit) {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    TrainerConfig config{setup(precision)};
    if (config.chunks > 1) config.schedule = schedule::ScheduleKind::kGpipe;
    const Groups groups = GetParam().alone() ? Groups{} : used_.groups.with_world(*world_);
    Trainer trainer(config, groups);
    tests::fill(trainer.state(), config.model);
    trainer.after_load();
    Inference model(setup(precision), groups);
    std::map<std::pair<std::string, topology::Shape>, at::Tensor> masters;
    for (const StateTensor& box : trainer.state()) {
      if (box.slot == kParam) masters[{box.name, box.box.offset}] = box.data;
    }
    for (const StateTensor& box : model.state()) box.data.copy_(masters.at({box.name, box.box.offset}));
    const std::vector<MicroBatch> batches{test::random_batch(GetParam().model, 2, 8)};
    EXPECT_EQ(model.evaluate(batches).loss_sum, trainer.inference().evaluate(batches).loss_sum);
  }
}

TEST_P(InferenceTest, RefusesWhatDoesNotFit) {
  Generation generation = used_.model.generation();
  const int slot = generation.open(4);
  const Tokens five(5, 1);
  EXPECT_THROW(generation.append(slot, five), base::Error);
  EXPECT_THROW(generation.append(slot, Tokens{}), base::Error);
  EXPECT_THROW(generation.append(slot + 1, five), base::Error);
  EXPECT_THROW(generation.advance(std::vector<int>{slot, slot}, Tokens{1, 1}), base::Error);
  EXPECT_THROW(used_.model.pooled({}), base::InputError);
  if (GetParam().model.arch == "gpt2") {
    EXPECT_THROW(generation.open(17), base::InputError);
  }
  ModelSetup wrong = setup();
  wrong.degrees.tp = 5;
  EXPECT_THROW(Inference(wrong, {}), base::InputError);
  spec::ModelConfig full = GetParam().model;
  full.mask = spec::Mask::kFull;
  full.window = {0};
  Inference encoder(tests::setup_of(full, {1, 1, 1, 1}), {});
  EXPECT_THROW(encoder.generation(), base::InputError);
}

INSTANTIATE_TEST_SUITE_P(Layouts, InferenceTest, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace trireme::pipeline
