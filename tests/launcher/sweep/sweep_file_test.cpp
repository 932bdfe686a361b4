#include "launcher/sweep/sweep_file.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.hpp"
#include "launcher/sweep/draws.hpp"
#include "launcher/sweep/sweep_report.hpp"
#include "launcher/sweep/sweep_start.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

const std::string kRun = "[data]\ntrain = a.h5\nvalid = b.h5\n[train]\nsteps = 81\n[optimizer]\nlr = 1\n";

SweepFile file_of(const std::string& sweep, const std::string& run = kRun, const options::Overrides& overrides = {}) {
  return parse_sweep_file(run + "[sweep]\n" + sweep, "runs/lr.ini", overrides);
}

std::string refusal(const std::string& sweep, const std::string& run = kRun, const options::Overrides& overrides = {}) {
  try {
    (void)make_trials(file_of(sweep, run, overrides));
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

TEST(SweepFile, MakesARunFileForEachTrial) {
  const SweepFile file = file_of("optimizer.lr = 0.1, 0.2\nmodel.layers = 2, 4\n");
  const auto trials = make_trials(file);
  ASSERT_EQ(trials.size(), 4U);
  EXPECT_EQ(trials[1].options.optimizer.lr, 0.1);
  EXPECT_EQ(trials[1].options.model.layers, 4);
  EXPECT_EQ(trials[2].options.run.name, "lr-2");
  EXPECT_EQ(trials[2].options.run.dir, "sweeps/lr/trial_2");
  const auto again = options::parse_run_options(options::to_ini(trials[3].options), "trial.ini");
  EXPECT_EQ(options::to_ini(again), options::to_ini(trials[3].options));
  EXPECT_EQ(again.optimizer.lr, 0.2);
}

TEST(SweepFile, HasDefaultsThatFitTheTraining) {
  const SweepFile file = file_of("optimizer.lr = 0.1, 0.2\n");
  EXPECT_EQ(file.plan.rungs, (std::vector<std::int64_t>{3, 9, 27, 81}));
  EXPECT_TRUE(file.plan.minimise);
  EXPECT_EQ(make_trials(file)[0].options.log.valid_every_steps, 3) << "a validation at each rung";
  EXPECT_EQ(make_trials(file_of("min_steps = 27\noptimizer.lr = 1, 2", kRun + "[log]\nvalid_every_steps = 9\n"))[0]
                .options.log.valid_every_steps,
            9);
  EXPECT_EQ(file_of("early_stopping = none\noptimizer.lr = 1, 2").plan.rungs, (std::vector<std::int64_t>{81}));
  EXPECT_EQ(file_of("reduction = 2\nmin_steps = 20\noptimizer.lr = 1, 2").plan.rungs,
            (std::vector<std::int64_t>{20, 40, 80, 81}));
}

TEST(SweepFile, RefusesTrialsOfUnequalLengths) {
  const options::Overrides tokens = {{"train.tokens", "1000000"}};
  EXPECT_NE(refusal("train.global_batch = 8, 16", kRun, tokens).find("give train.steps"), std::string::npos);
  EXPECT_NO_THROW(file_of("optimizer.lr = 0.1, 0.2\n", kRun, tokens));
}

TEST(SweepFile, TheCommandLineWins) {
  const SweepFile file = file_of("optimizer.lr = 0.1, 0.2\n", kRun, {{"train.steps", "27"}});
  EXPECT_EQ(file.plan.rungs.back(), 27);
  EXPECT_NE(refusal("optimizer.lr = 1, 2", kRun, {{"optimizer.lr", "3"}}).find("varies it"), std::string::npos);
}

TEST(SweepFile, ATrialDependsOnItsNumberAlone) {
  for (const char* method : {"random", "sobol"}) {
    const std::string space = std::string("method = ") + method + "\nseed = 4\noptimizer.lr = loguniform 1e-4 1e-2\n" +
                              "model.layers = uniform 2 8\nconstraint = model.layers % 2 = 0\n";
    const auto few = make_trials(file_of(space + "trials = 5\n")), many = make_trials(file_of(space + "trials = 50\n"));
    for (std::size_t i = 0; i < few.size(); ++i) EXPECT_EQ(few[i].parameters, many[i].parameters) << method;
    for (const SweepTrial& trial : many) EXPECT_EQ(*trial.options.model.layers % 2, 0);
    EXPECT_NE(few[0].parameters, few[1].parameters);
  }
}

TEST(SweepFile, SobolTrialsLieAtSobolsPoints) {
  const auto trials = make_trials(
      file_of("method = sobol\ntrials = 8\noptimizer.weight_decay = uniform 0 1\noptimizer.clip = uniform 0 1\n"));
  for (const SweepTrial& trial : trials) {
    const auto point = sobol_point(trial.number, 2);
    EXPECT_NEAR(trial.options.optimizer.weight_decay.value_or(0), point[0], 1e-6);
    EXPECT_NEAR(trial.options.optimizer.clip, point[1], 1e-6);
  }
}

TEST(SweepFile, SeedsRepeatEachPoint) {
  const auto trials = make_trials(file_of("optimizer.lr = 1, 2\nseeds = 3\n"));
  ASSERT_EQ(trials.size(), 6U);
  EXPECT_EQ(trials[4].options.run.seed, 2);
  EXPECT_EQ(trials[4].options.optimizer.lr, 2);
  EXPECT_NE(refusal("run.seed = 1, 2\nseeds = 3\n"), "");
}

const std::string kProgram = "[program]\ncommand = ./train --lr {lr}\nparams = layers = 2\n";

TEST(SweepFile, VariesTheParametersOfAProgram) {
  const SweepFile file =
      file_of("lr = loguniform 1e-3 1e-1\nlayers = uniform 1 4\nmethod = random\ntrials = 20\nsteps = 27\n", kProgram);
  EXPECT_EQ(file.plan.rungs, (std::vector<std::int64_t>{1, 3, 9, 27}));
  for (const SweepTrial& trial : make_trials(file)) {
    EXPECT_EQ(trial.options.program.params,
              "layers = " + *value_in(trial.parameters, "layers") + ", lr = " + *value_in(trial.parameters, "lr"));
    const auto again = options::parse_run_options(options::to_ini(trial.options), "trial.ini");
    EXPECT_EQ(again.program.params, trial.options.program.params);
  }
  EXPECT_EQ(file_of("lr = 1, 2\nearly_stopping = none\n", kProgram).plan.rungs, (std::vector<std::int64_t>{0}));
  for (const auto& [sweep, words] : std::vector<std::pair<std::string, std::string>>{
           {"lrr = 1, 2", "must stand in program.command as {lrr}"},
           {"lr = 1, 2", "set [sweep] steps"},
           {"optimizer.lr = 1, 2\nsteps = 9", "does nothing in a run with a [program]"},
           {"program.params = 1, 2\nsteps = 9", "name its parameters themselves"}}) {
    EXPECT_NE(refusal(sweep, kProgram).find(words), std::string::npos) << refusal(sweep, kProgram);
  }
}

TEST(SweepFile, RefusesInASentenceThatHelps) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no [sweep] section"},
      {"trails = 3\noptimizer.lr = 1, 2", "did you mean trials?"},
      {"optimizer.lrr = 1, 2", "did you mean optimizer.lr?"},
      {"lr = 1, 2", "did you mean optimizer.lr?"},
      {"method = sobbol\noptimizer.lr = 1, 2", "did you mean sobol?"},
      {"method = random\noptimizer.lr = 1, 2", "needs [sweep] trials"},
      {"trials = 3\noptimizer.lr = 1, 2", "leave [sweep] trials out"},
      {"trials = 3\nmethod = sobol", "varies nothing"},
      {"optimizer.lr = uniform 1 2", "is an interval"},
      {"optimizer.lr = 1, two", "trial 1: "},
      {"train.steps = 10, 20", "compared at equal steps"},
      {"run.dir = a, b", "set [sweep] dir"},
      {"steps = 9\noptimizer.lr = 1, 2", "length of a trial is train.steps"},
      {"program.command = a, b", "does nothing in a run without a [program]"},
      {"min_steps = 82\noptimizer.lr = 1, 2", "more than the 81 steps"},
      {"min_steps = 8\nearly_stopping = none\noptimizer.lr = 1, 2", "means nothing"},
      {"reduction = 1\noptimizer.lr = 1, 2", "reduction"},
      {"name = a/b\noptimizer.lr = 1, 2", "name is made of"},
      {"constraint = optimizer.lr < 0\noptimizer.lr = 1, 2", "leaves no combination"},
      {"constraint = optimizer.lr < 0\noptimizer.lr = uniform 1 2\nmethod = random\ntrials = 2",
       "leaves hardly a point"},
      {"constraint = optimizer.lr < 0\noptimizer.lr = uniform 1 2\nmethod = sobol\ntrials = 2",
       "leaves hardly a point"},
      {"constraint = alpha < 3\noptimizer.lr = 1, 2", "names alpha"},
      {"optimizer.lr = 1, 2\noptimizer.lr = 3", "given twice"}};
  for (const auto& [sweep, words] : cases)
    EXPECT_NE(refusal(sweep).find(words), std::string::npos) << sweep << " -> " << refusal(sweep);
  EXPECT_NE(refusal("optimizer.lr = 1, 2", "[data]\ntrain = a.h5\n[train]\nsteps = 9\n").find("needs data.valid"),
            std::string::npos);
  EXPECT_NE(refusal("optimizer.lr = 1, 2", kRun + "[run]\ndir = x\n").find("set [sweep] dir"), std::string::npos);
}

class SweepStartTest : public testing::Test {
 protected:
  void start(const std::string& text, bool retry = false) {
    const SweepFile file = file_of(text + "dir = " + dir_.path().string() + "/s\n");
    const auto trials = make_trials(file);
    SweepDirectory sweep(files_, dir_.path() / "s", real_sweep_world());
    start_sweep(files_, sweep, file, trials, planned_state(file, trials, 1, "/w"), {"text", {}, retry});
  }
  std::string start_refusal(const std::string& text) {
    try {
      start(text);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "";
  }
  SweepState state() { return read_sweep(files_, dir_.path() / "s"); }

  base::PosixFileSystem files_;
  tests::TemporaryDirectory dir_;
};

TEST_F(SweepStartTest, WritesRunFilesAndGoesOnWithWhatIsThere) {
  start("optimizer.lr = 1, 2\n");
  const std::string before = files_.read_all(dir_.path() / "s" / "sweep.jsonl");
  EXPECT_TRUE(files_.exists(dir_.path() / "s" / "trial_1" / "trial.ini"));
  start("optimizer.lr = 1, 2\n");
  EXPECT_EQ(files_.read_all(dir_.path() / "s" / "sweep.jsonl"), before);
  start("optimizer.lr = 1, 2, 3\n");
  EXPECT_EQ(state().trials.size(), 3U);
  EXPECT_EQ(state().trials[2].parameters, (Assignment{{"optimizer.lr", "3"}}));
}

TEST_F(SweepStartTest, RefusesAnotherSweepInItsPlace) {
  start("optimizer.lr = 1, 2\n");
  EXPECT_NE(start_refusal("optimizer.lr = 1\n").find("other trials"), std::string::npos);
  EXPECT_NE(start_refusal("optimizer.lr = 2, 1\n").find("trial.ini is not"), std::string::npos);
  EXPECT_NE(start_refusal("optimizer.lr = 1, 2\nmetric = loss\n").find("metric"), std::string::npos);
  EXPECT_NE(start_refusal("optimizer.lr = 1, 2\nmin_steps = 9\n").find("rungs"), std::string::npos);
  EXPECT_EQ(state().trials.size(), 2U);
}

TEST_F(SweepStartTest, FailedTrialsComeBackWhenAskedFor) {
  start("optimizer.lr = 1, 2\n");
  SweepDirectory sweep(files_, dir_.path() / "s", real_sweep_world());
  sweep.change([](const SweepState&) {
    return std::vector<base::Json>{{{"event", "ended"}, {"trial", 0}, {"how", "failed"}, {"why", "a typo"}},
                                   {{"event", "ended"}, {"trial", 1}, {"how", "stopped"}, {"why", "me"}}};
  });
  start("optimizer.lr = 1, 2\n");
  EXPECT_EQ(trial_state(state(), 0), "failed");
  EXPECT_EQ(trial_state(state(), 1), "waiting") << "its own stop was lifted";
  start("optimizer.lr = 1, 2\n", true);
  EXPECT_EQ(trial_state(state(), 0), "waiting");
}

}  // namespace
}  // namespace trireme::launcher
