#include "launcher/options/resolve.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/model.hpp"
#include "launcher/options/notes.hpp"

namespace trireme::options {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunOptions small() {
  return parse_run_options(
      "[model]\nlayers = 8\nhidden = 64\nheads = 8\nkv_heads = 2\nsequence = 32\n[data]\ntrain = a.h5\n"
      "[train]\nsteps = 100\nglobal_batch = 48\nmicro_batch = 2\n",
      "small");
}

Surroundings ranks(int world) {
  Surroundings surroundings;
  surroundings.world_size = world;
  surroundings.dataset_vocab = 100;
  return surroundings;
}

std::string refusal(const Overrides& changes, int world, RunOptions options = small()) {
  try {
    for (const auto& [path, value] : changes) set_value(options, find_key(path), value);
    resolve(options, ranks(world));
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Resolve, FillsEveryDefault) {
  RunOptions options = small();
  options.parallel.tp = 2;
  const Resolved resolved = resolve(options, ranks(4));
  EXPECT_EQ(resolved.options.parallel.dp, 2);
  EXPECT_EQ(resolved.options.parallel.sequence_parallel, true);
  EXPECT_EQ(resolved.degrees, (topology::Degrees{2, 1, 2, 1}));
  EXPECT_EQ(resolved.plan.micro_batches, 12);
  EXPECT_EQ(resolved.steps, 100);
  EXPECT_EQ(resolved.model.family, "llama");
  EXPECT_EQ(resolved.model.vocab, 100);
  EXPECT_EQ(resolved.model.layers.front().feed_forward.width, 256);
  EXPECT_FALSE(resolved.model.head.tied);
  EXPECT_EQ(resolved.options.train.precision, "fp32");
  EXPECT_EQ(resolved.options.optimizer.warmup_steps, 2);
  EXPECT_DOUBLE_EQ(*resolved.options.optimizer.min_lr, 3e-5);
  Surroundings gpus = ranks(4);
  gpus.cuda = true;
  EXPECT_EQ(resolve(options, gpus).options.train.precision, "bf16");
}

TEST(Resolve, IsUnchangedByResolvingAgainAndByItsIniText) {
  RunOptions options = small();
  options.parallel.pp = 2;
  const Resolved once = resolve(options, ranks(4));
  const RunOptions back = parse_run_options(to_ini(once.options), "run.ini");
  const Resolved twice = resolve(back, ranks(4));
  EXPECT_EQ(to_map(twice.options), to_map(once.options));
  EXPECT_EQ(twice.model, once.model);
}

TEST(LengthInSteps, OfOptionsThatAreNotResolvedIsWhatTrainingResolves) {
  const auto expect_steps = [](const Overrides& changes, std::int64_t steps) {
    const RunOptions options = parse_run_options("[data]\ntrain = a.h5\n[train]\nglobal_batch = 8\n", "test", changes);
    EXPECT_EQ(length_in_steps(options), steps);
    EXPECT_EQ(resolve(options, ranks(1)).steps, steps);
  };
  expect_steps({{"train.steps", "7"}}, 7);
  expect_steps({{"train.tokens", "81920"}}, 10);  // sequences of 1024
  expect_steps({{"train.tokens", "81921"}}, 11);
  expect_steps({{"train.tokens", "81920"}, {"model.sequence", "512"}}, 20);
  expect_steps({{"train.tokens", "163840"}, {"model.preset", "llama-1b"}, {"model.sequence", "2048"}}, 10);
  const std::int64_t published = *properties_of("llama-1b").sequence;
  expect_steps({{"train.tokens", std::to_string(8 * published * 3)}, {"model.preset", "llama-1b"}}, 3);
  EXPECT_EQ(length_in_steps(RunOptions()), 0);
}

TEST(LengthInSteps, SizesThatAreNotGivenComeFromTheInitialModel) {
  const RunOptions options =
      parse_run_options("[model]\ninit_from = old\n[train]\ntokens = 81920\nglobal_batch = 8\n", "test");
  ModelSection initial;
  initial.sequence = 256;
  EXPECT_EQ(length_in_steps(options, &initial), 40);
}

std::vector<std::string> notes(const Overrides& changes) {
  RunOptions options = small();
  for (const auto& [path, value] : changes) set_value(options, find_key(path), value);
  return resolve(options, ranks(1)).notes;
}

TEST(Notes, SayWhatTrainsButPerhapsNotAsMeant) {
  EXPECT_THAT(notes({}), ElementsAre());
  EXPECT_THAT(notes({{"model.vocab", "100"}, {"optimizer.warmup_steps", "100"}}), ElementsAre());
  EXPECT_THAT(notes({{"model.vocab", "130"}}),
              ElementsAre("model.vocab = 130 is larger than the dataset's 100 tokens: the other 30 are never seen"));
  EXPECT_THAT(notes({{"optimizer.warmup_steps", "101"}}),
              ElementsAre(HasSubstr("optimizer.warmup_steps = 101 is longer than the run of 100 steps")));
  EXPECT_THAT(
      notes({{"optimizer.lr_schedule", "wsd"}, {"optimizer.warmup_steps", "20"}, {"optimizer.decay_steps", "81"}}),
      ElementsAre(HasSubstr("optimizer.decay_steps = 81 is longer than the 80 steps after the warm-up")));
  EXPECT_THAT(notes({{"optimizer.lr_schedule", "constant"}, {"optimizer.decay_steps", "200"}}), ElementsAre());
}

TEST(Notes, SayWhatTheFileKeepsOfWhatTheCommandLineSeemsToChange) {
  const RunOptions file = parse_run_options("[run]\ndir = runs/a\n[model]\nhidden = 64\nlayers = 12\nvocab = 9\n", "f");
  EXPECT_THAT(kept_by_file(file, {{"model.preset", "gpt2-124m"}, {"model.vocab", "50257"}, {"run.seed", "2"}}),
              ElementsAre(HasSubstr("win over it: model.hidden = 64 (")));
  EXPECT_THAT(kept_by_file(file, {{"model.preset", "gpt2-124m"}}),
              ElementsAre(HasSubstr("model.hidden = 64, model.vocab = 9 (")));
  EXPECT_THAT(kept_by_file(RunOptions{}, {{"model.preset", "gpt2-124m"}, {"run.name", "b"}}), ElementsAre());
  EXPECT_THAT(kept_by_file(file, {{"run.name", "b"}}), ElementsAre(HasSubstr("the run directory stays runs/a")));
  EXPECT_THAT(kept_by_file(file, {{"run.name", "b"}, {"run.dir", "runs/b"}}), ElementsAre());
}

TEST(Resolve, TakesPresetsAndKeysBesideThem) {
  RunOptions options = small();
  options.model = {};
  options.model.preset = "gpt2-124m";
  options.model.sequence = 64;
  const Resolved resolved = resolve(options, ranks(1));
  EXPECT_EQ(resolved.model.family, "gpt2");
  EXPECT_EQ(resolved.model.layer_count(), 12);
  EXPECT_EQ(resolved.model.sequence, 64);
  EXPECT_EQ(resolved.model.vocab, 50257);
  EXPECT_TRUE(resolved.model.head.tied);
  options.model.arch = "llama";
  EXPECT_THAT(refusal({}, 1, options), HasSubstr("contradicts model.preset = gpt2-124m"));
  options.model = {};
  options.model.preset = "llama-8b";
  options.model.heads = 16;
  options.model.hidden = 1024;
  const spec::LayerSpec other = resolve(options, ranks(1)).model.layers.front();
  EXPECT_EQ(other.attention.kv_heads, 16);
  EXPECT_EQ(other.attention.head_size, 64);
  EXPECT_EQ(other.feed_forward.width, 2816);
}

TEST(Resolve, TakesSizesFromTheCheckpointToStartFrom) {
  const RunOptions stored = resolve(small(), ranks(1)).options;
  RunOptions options;
  options.data.train = "b.h5";
  options.train.steps = 5;
  options.model.dropout = 0.1;
  Surroundings surroundings = ranks(1);
  surroundings.initial_model = &stored.model;
  const spec::ModelPlan model = resolve(options, surroundings).model;
  EXPECT_EQ(model.layer_count(), 8);
  EXPECT_EQ(model.layers.front().attention.kv_heads, 2);
  EXPECT_EQ(model.dropout, 0.1);
  options.model.arch = "gpt2";
  EXPECT_THAT(
      [&] {
        try {
          resolve(options, surroundings);
        } catch (const base::InputError& error) {
          return std::string(error.what());
        }
        return std::string("accepted");
      }(),
      HasSubstr("contradicts model.init_from"));
}

TEST(Resolve, EveryPropertyIsAKeyAndListsAreRepeatedOverTheLayers) {
  RunOptions options = small();
  for (const auto& [key, value] : Overrides{{"model.qk_norm", "width"},
                                            {"model.window", "16, 0"},
                                            {"model.rope_scaling", "none,yarn"},
                                            {"model.rope_factor", "4"},
                                            {"model.rope_original_sequence", "8"},
                                            {"model.norm_place", "around"}}) {
    set_value(options, find_key(key), value);
  }
  const Resolved resolved = resolve(options, ranks(1));
  EXPECT_EQ(resolved.model.layers[2].attention.window, 16);
  EXPECT_EQ(resolved.model.layers[3].attention.window, 0);
  EXPECT_EQ(resolved.model.layers[3].attention.rotary.scaling, spec::RopeScaling::kYarn);
  EXPECT_EQ(resolved.model.layers[0].attention.qk_norm, spec::QkNorm::kWidth);
  EXPECT_EQ(value_of(resolved.options, find_key("model.window")), "16, 0");
  EXPECT_EQ(value_of(resolved.options, find_key("model.rope_scaling")), "none, yarn");
  EXPECT_EQ(parse_run_options(to_ini(resolved.options), "again").model, resolved.options.model);
  EXPECT_THAT(refusal({{"model.qk_norm", "both"}}, 1), HasSubstr("(allowed: none, head, width)"));
  EXPECT_THAT(refusal({{"model.rope_scaling", "none, yarm"}}, 1), HasSubstr("did you mean yarn?"));
  EXPECT_THAT(refusal({{"model.window", "8,-1"}}, 1), HasSubstr("model.window = -1"));
  EXPECT_THAT(refusal({{"model.window", ""}}, 1), HasSubstr("at least one value"));
  EXPECT_THAT(refusal({{"model.head_size", "7"}}, 1), HasSubstr("rotates 7 elements"));
}

TEST(Resolve, AGivenKeyTurnsOffWhatItRulesOut) {
  const auto plan = [](const Overrides& changes) {
    RunOptions options = small();
    for (const auto& [path, value] : changes) set_value(options, find_key(path), value);
    return resolve(options, ranks(1)).model;
  };
  EXPECT_TRUE(plan({{"model.arch", "gemma"}, {"model.positions", "learned"}}).embedding.positions);
  EXPECT_EQ(plan({{"model.arch", "gemma"}, {"model.mask", "full"}}).layers[0].attention.window, 0);
  EXPECT_FALSE(plan({{"model.arch", "gpt2"}, {"model.norm", "rms"}}).norm.bias);
  EXPECT_EQ(plan({{"model.preset", "llama-8b"}, {"model.vocab", "128256"}, {"model.positions", "none"}})
                .layers[0]
                .attention.rotary,
            spec::RotarySpec{});
  EXPECT_EQ(plan({{"model.preset", "llama-8b"}, {"model.vocab", "128256"}, {"model.rope_scaling", "none"}}),
            plan({{"model.preset", "llama3-8b"}, {"model.vocab", "128256"}}));
  EXPECT_THAT(refusal({{"model.mask", "full"}, {"model.window", "8"}}, 1), HasSubstr("model.window = 8"));
}

TEST(Resolve, RefusesPromptsForAModelThatCannotWrite) {
  Overrides prompts = {{"log.sample_prompts", "once"}};
  EXPECT_THAT(refusal(prompts, 1), HasSubstr("there are none: name data.valid"));
  prompts.emplace_back("data.valid", "b.h5");
  EXPECT_EQ(refusal(prompts, 1), "accepted");
  prompts.emplace_back("model.mask", "full");
  EXPECT_THAT(refusal(prompts, 1), HasSubstr("log.sample_prompts asks for text"));
}

TEST(Resolve, ACheckpointOfAnOlderProgramGoesOn) {
  const Resolved now = resolve(small(), ranks(1));
  RunOptions stored = now.options;
  stored.model.norm.reset();  // it knew no such keys
  stored.model.head_size.reset();
  stored.model.window.reset();
  EXPECT_THAT(compare_on_resume(stored, now.options, "", ""), ElementsAre());
  RunOptions gpt2 = small();
  gpt2.model.arch = "gpt2";
  gpt2.model.rope_theta = {10000};  // which such a program wrote for every architecture
  EXPECT_EQ(resolve(gpt2, ranks(1)).model.layers[0].attention.rotary, spec::RotarySpec{});
  RunOptions another = resolve(gpt2, ranks(1)).options;
  another.model.positions.reset();
  another.model.rope_theta = {500};  // which gpt2 ignored
  EXPECT_THAT(compare_on_resume(another, resolve(gpt2, ranks(1)).options, "", ""), ElementsAre());
}

TEST(Resolve, CountsStepsFromTokens) {
  RunOptions options = small();
  options.train.steps = 0;
  options.train.tokens = 48 * 32 * 10 + 1;
  EXPECT_EQ(resolve(options, ranks(1)).steps, 11);
}

TEST(Resolve, RefusesNamingDegreesThatWork) {
  EXPECT_THAT(refusal({{"parallel.tp", "3"}}, 3),
              HasSubstr("parallel.tp = 3 does not divide model.heads = 8: take parallel.tp = 1, 2, 4 or 8"));
  EXPECT_THAT(refusal({{"parallel.tp", "4"}, {"model.sequence", "30"}}, 4), HasSubstr("take parallel.tp = 1 or 2"));
  EXPECT_EQ(refusal({{"parallel.tp", "4"}, {"model.sequence", "30"}, {"parallel.sequence_parallel", "false"}}, 4),
            "accepted");
  EXPECT_THAT(refusal({{"train.global_batch", "50"}}, 4),
              HasSubstr("train.global_batch = 50 is not divisible by parallel.dp * train.micro_batch = 4 * 2: take "
                        "train.global_batch = 48 or 56"));
  EXPECT_THAT(refusal({{"train.global_batch", "4"}}, 4),
              HasSubstr("take train.global_batch = 8, or train.micro_batch = 1"));
  EXPECT_THAT(refusal({{"parallel.pp", "5"}, {"parallel.schedule", "interleaved"}}, 5),
              HasSubstr("multiples of parallel.pp = 5, but train.global_batch / (dp * micro_batch) = 24: take "
                        "train.global_batch = 40 or 50"));
  EXPECT_THAT(refusal({{"parallel.pp", "9"}}, 9), HasSubstr("more than model.layers = 8"));
  EXPECT_THAT(refusal({{"parallel.pp", "4"}, {"parallel.chunks", "3"}, {"parallel.schedule", "interleaved"}}, 4),
              HasSubstr("makes 12 chunks, more than model.layers = 8"));
  EXPECT_THAT(refusal({{"parallel.pp", "2"}, {"parallel.chunks", "2"}}, 2), HasSubstr("parallel.chunks = 2"));
  EXPECT_THAT(refusal({{"parallel.tp", "2"}, {"parallel.pp", "2"}}, 6),
              HasSubstr("6 ranks do not fill the layout tp2·pp2, which takes multiples of 4: start 4 or 8 ranks"));
  EXPECT_THAT(refusal({{"parallel.tp", "2"}}, 1), HasSubstr("1 rank does not fill the layout tp2"));
  EXPECT_THAT(refusal({{"parallel.dp", "2"}}, 4), HasSubstr("takes 2 ranks, but 4 were started: start 2 ranks, or set "
                                                            "parallel.dp = 4"));
  EXPECT_THAT(refusal({{"parallel.dp", "8"}}, 4), HasSubstr("takes 8 ranks, but 4 were started"));
  EXPECT_THAT(refusal({{"model.vocab", "99"}}, 1), HasSubstr("model.vocab = 99 is smaller than the vocabulary"));
  EXPECT_THAT(refusal({{"train.tokens", "100"}}, 1), HasSubstr("both given"));
  EXPECT_THAT(refusal({{"train.steps", "0"}}, 1), HasSubstr("train.steps is missing"));
  EXPECT_THAT(refusal({{"optimizer.min_lr", "1"}}, 1), HasSubstr("optimizer.min_lr = 1 is above"));
  EXPECT_THAT(refusal({{"model.kv_heads", "3"}}, 1), HasSubstr("model.kv_heads = 3 does not divide"));
  RunOptions no_data = small();
  no_data.data.train.clear();
  EXPECT_THAT(refusal({}, 1, no_data), HasSubstr("data.train is missing"));
}

// Every combination is accepted or refused by exactly the rules of the design, written down here a second time.
TEST(Resolve, RefusesNothingElse) {
  int accepted = 0, refused = 0;
  for (const int tp : {1, 2, 3, 4}) {
    for (const int pp : {1, 2, 3, 4, 8}) {
      for (const int dp : {0, 1, 2, 3}) {
        for (const char* kind : {"gpipe", "1f1b", "interleaved"}) {
          for (const int chunks : {1, 2, 3}) {
            for (const int sequence : {32, 33}) {
              for (const int world : {1, 4, 6, 8, 12, 16}) {
                RunOptions options = small();
                options.parallel.tp = tp;
                options.parallel.pp = pp;
                options.parallel.dp = dp;
                options.parallel.schedule = kind;
                options.parallel.chunks = chunks;
                options.model.sequence = sequence;
                const std::string schedule = kind;
                const bool fills = dp == 0 ? world % (tp * pp) == 0 : tp * pp * dp == world;
                bool good = 8 % tp == 0 && (tp == 1 || sequence % tp == 0) && pp * chunks <= 8 && fills &&
                            (chunks == 1 || schedule != "1f1b");
                if (good) {
                  const int replicas = world / (tp * pp);
                  good = 48 % (replicas * 2) == 0;
                  if (good && schedule == "interleaved") good = 48 / (replicas * 2) % pp == 0;
                }
                const std::string answer = refusal({}, world, options);
                EXPECT_EQ(answer == "accepted", good)
                    << answer << ": tp " << tp << " pp " << pp << " dp " << dp << " " << kind << " chunks " << chunks
                    << " sequence " << sequence << " ranks " << world;
                ++(good ? accepted : refused);
              }
            }
          }
        }
      }
    }
  }
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 100);
}

TEST(Resolve, AStopRuleNeedsValidationsToLookAt) {
  RunOptions valid = small();
  valid.data.valid = "v.h5";
  EXPECT_EQ(refusal({{"train.stop_when", "plateau 3"}}, 4, valid), "accepted");
  EXPECT_THAT(refusal({{"train.stop_when", "plateau 3"}}, 4), HasSubstr("name data.valid"));
  EXPECT_THAT(refusal({{"train.stop_when", "target 2"}}, 4), HasSubstr("name data.valid"));
  EXPECT_THAT(refusal({{"train.stop_when", "target 2"}, {"log.valid_every_steps", "0"}}, 4, valid),
              HasSubstr("log.valid_every_steps = 0"));
  EXPECT_THAT(refusal({{"train.stop_when", "never"}}, 4, valid), HasSubstr("train.stop_when = never"));
  valid.train.stop_when = " target  2.0";
  EXPECT_EQ(resolve(valid, ranks(4)).options.train.stop_when, "target 2");
}

TEST(Resolve, AnOptimizerHasItsOwnNumbersAndRefusesOthers) {
  const auto optimizer = [](const Overrides& overrides, const std::string& name) {
    RunOptions options = small();
    options.optimizer.name = name;
    for (const auto& [path, value] : overrides) set_value(options, find_key(path), value);
    return resolve(options, ranks(1)).options.optimizer;
  };
  EXPECT_EQ(optimizer({}, "adamw").beta1, 0.9);
  EXPECT_EQ(optimizer({}, "adamw").eps, 1e-8);
  EXPECT_EQ(optimizer({}, "lion").beta1, 0.9);
  EXPECT_EQ(optimizer({}, "lion").eps, std::nullopt);
  EXPECT_EQ(optimizer({}, "sgd").beta1, std::nullopt);
  EXPECT_EQ(optimizer({{"optimizer.beta1", "0.9"}, {"optimizer.eps", "1e-08"}}, "sgd").beta1, std::nullopt)
      << "earlier versions stored both in run.ini";
  EXPECT_EQ(optimizer({{"optimizer.beta1", "0.8"}, {"optimizer.eps", "1e-6"}}, "muon").beta1, 0.8);
  for (const auto& [key, name] : {std::pair("beta1", "sgd"),
                                  {"eps", "sgd"},
                                  {"eps", "lion"},
                                  {"beta2", "sgd"},
                                  {"momentum", "lion"},
                                  {"nesterov", "adamw"}}) {
    const std::string path = std::string("optimizer.") + key, value = key == std::string("nesterov") ? "true" : "0.5";
    EXPECT_THAT(refusal({{path, value}, {"optimizer.name", name}}, 1), HasSubstr(path + " is about ")) << name;
  }
}

TEST(Resume, APauseIsOfOneAttemptOnly) {
  RunOptions paused = resolve(small(), ranks(4)).options;
  paused.run.pause_at = 20;
  EXPECT_EQ(lasting(paused).run.pause_at, 0);
  EXPECT_THAT(compare_on_resume(lasting(paused), paused, "", ""), ElementsAre());
  EXPECT_EQ(to_map(lasting(paused)), to_map(resolve(small(), ranks(4)).options)) << "nothing else goes away";
}

TEST(Resume, PrintsWhatChangedAndRefusesAnotherModel) {
  const RunOptions stored = resolve(small(), ranks(4)).options;
  RunOptions now = small();
  now.parallel.pp = 2;
  now.optimizer.lr = 1e-4;
  now.train.steps = 200;
  now.optimizer.warmup_steps = 2;
  const RunOptions resolved = resolve(now, ranks(4)).options;
  EXPECT_THAT(compare_on_resume(stored, resolved, "", "abc"),
              ElementsAre("parallel.pp: 1 -> 2", "parallel.dp: 4 -> 2", "train.steps: 100 -> 200",
                          "optimizer.lr: 0.0003 -> 0.0001", "optimizer.min_lr: 3e-05 -> 1e-05"));
  EXPECT_THAT(compare_on_resume(stored, stored, "abc", "abc"), ElementsAre());
  const auto refused = [&](const std::function<void(RunOptions&)>& change, const std::string& hash) -> std::string {
    RunOptions changed = stored;
    change(changed);
    try {
      compare_on_resume(stored, changed, "abc", hash);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refused([](RunOptions& o) { o.model.hidden = 128; }, "abc"),
              HasSubstr("model.hidden = 128, but the checkpoint was trained with 64"));
  EXPECT_THAT(refused([](RunOptions& o) { o.model.sequence = 16; }, "abc"), HasSubstr("model.sequence = 16"));
  const std::int64_t vocab = *stored.model.vocab;
  const auto grow = [&](std::int64_t by, const std::string& allow) {
    return [=](RunOptions& o) {
      *o.model.vocab += by;
      o.checkpoint.allow = allow;
    };
  };
  EXPECT_THAT(refused(grow(3, ""), "abc"), HasSubstr(base::str("model.vocab = ", vocab + 3, ", but")));
  EXPECT_THAT(refused(grow(3, "embed.tokens"), "abc"), HasSubstr("checkpoint.allow = grow:embed.tokens"));
  EXPECT_THAT(refused(grow(3, "grow:embed.tokens, grow:head.weight"), "abc"), "accepted");
  EXPECT_THAT(refused(grow(-3, "grow:embed.tokens, grow:head.weight"), "abc"), HasSubstr("it cannot shrink"));
  EXPECT_THAT(refused([](RunOptions&) {}, "abd"), HasSubstr("data.tokenizer"));
  EXPECT_EQ(refused([](RunOptions& o) { o.data.tokenizer = "moved/tokenizer.json"; }, "abc"), "accepted");
}

}  // namespace
}  // namespace trireme::options
