#include "launcher/sweep/sweep_directory.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "launcher/sweep/pool.hpp"
#include "launcher/sweep/sweep_report.hpp"
#include "slurm/job/control_files.hpp"
#include "tests/launcher/sweep/fake_trial.hpp"
#include "tests/support/forwarding_file_system.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using Kind = Advice::Kind;
using namespace std::chrono_literals;

class SweepDirectoryTest : public testing::Test {
 protected:
  SweepDirectoryTest() {
    world_ = real_sweep_world();
    world_.life = [this](const SweepClaim& claim) {
      return gone_.contains(claim.worker.token) ? WorkerLife::kGone : WorkerLife::kUnknown;
    };
    world_.now = [this] { return now_; };
  }

  SweepDirectory begun(std::size_t trials, std::vector<std::int64_t> rungs = {9, 27}) {
    SweepHeader header{"lr", trials, {std::move(rungs), 3, true}, "valid_loss", 1, "/w"};
    SweepDirectory(files_, dir_.path(), world_).change([&](const SweepState&) {
      return std::vector<base::Json>{header_event(header, 0)};
    });
    return {files_, dir_.path(), world_};
  }

  SweepWorker worker(const std::string& token) {
    SweepWorker one = this_worker();
    one.token = token;
    return one;
  }

  /// The trial trains as it was told to, with a metric that grows with its number.
  int train(const Advice& advice) {
    tests::FakeTrial trial(advice.run_directory);
    const std::int64_t until = advice.until_step > 0 ? advice.until_step : 27;
    trial.begins(27);
    trial.measures(until, "valid_loss", static_cast<double>(advice.trial));
    trial.ends(until, advice.until_step > 0 ? "paused at step " + std::to_string(until) : "done",
               advice.until_step > 0 ? 75 : 0);
    return advice.until_step > 0 ? 75 : 0;
  }

  base::PosixFileSystem files_;
  tests::TemporaryDirectory dir_;
  std::set<std::string> gone_;
  double now_ = 1000;
  SweepWorld world_;
};

TEST_F(SweepDirectoryTest, GivesTrialsRecordsResultsAndPromotes) {
  SweepDirectory sweep = begun(3);
  const SweepWorker self = worker("a");
  std::optional<LastTrial> last;
  std::vector<std::pair<std::size_t, std::size_t>> order;
  while (true) {
    const Advice advice = sweep.advance(self, last);
    if (advice.kind != Kind::kRun) {
      EXPECT_EQ(advice.kind, Kind::kDone);
      break;
    }
    const std::vector<std::string> pause{"--run.pause_at=9"};
    EXPECT_EQ(advice.overrides, advice.rung == 0 ? pause : std::vector<std::string>());
    order.emplace_back(advice.trial, advice.rung);
    last = LastTrial{advice.trial, {train(advice)}};
  }
  EXPECT_EQ(order, (std::vector<std::pair<std::size_t, std::size_t>>{{0, 0}, {1, 0}, {2, 0}, {0, 1}}));
  const SweepState state = sweep.read();
  EXPECT_EQ(price_paid_text(state), "3 ideas for 56% of the full price: 45 of 81 steps");
  EXPECT_EQ(best_trials(state), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_FALSE(files_.exists(dir_.path() / "lease"));
}

TEST_F(SweepDirectoryTest, ATrialWhoseWorkerIsGoneIsTakenAgainAndTheDeadWorkersWordNoLongerCounts) {
  SweepDirectory sweep = begun(1);
  const Advice first = sweep.advance(worker("a"), std::nullopt);
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kWait);
  gone_.insert("a");
  const Advice second = sweep.advance(worker("b"), std::nullopt);
  EXPECT_EQ(second.kind, Kind::kRun);
  EXPECT_EQ(second.trial, first.trial);
  EXPECT_EQ(second.rung, 0U);
  // The dead one comes back, and claims nothing to be done.
  EXPECT_EQ(sweep.advance(worker("a"), LastTrial{0, {0}}).kind, Kind::kWait);
  EXPECT_EQ(sweep.read().trials[0].claim->worker.token, "b");
}

TEST_F(SweepDirectoryTest, AResultThatADeadWorkerLeftInTheRunDirectoryIsFound) {
  SweepDirectory sweep = begun(1);
  train(sweep.advance(worker("a"), std::nullopt));
  gone_.insert("a");
  const Advice next = sweep.advance(worker("b"), std::nullopt);
  EXPECT_EQ(next.kind, Kind::kRun);
  EXPECT_EQ(next.rung, 1U);
  EXPECT_EQ(sweep.read().trials[0].results.at(0).metric, 0);
}

TEST_F(SweepDirectoryTest, ATrialThatOutlivesItsWorkerIsLeftAlone) {
  SweepDirectory sweep = begun(1);
  const Advice advice = sweep.advance(worker("a"), std::nullopt);
  std::filesystem::create_directories(advice.run_directory);
  auto orphan = checkpoint::Lease::acquire(files_, advice.run_directory, checkpoint::this_process("local", 0),
                                           checkpoint::real_world(nullptr, nullptr), nullptr);
  gone_.insert("a");
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kWait);
  train(advice);
  orphan.release();
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).rung, 1U);
}

TEST_F(SweepDirectoryTest, AWorkerThatLostItsAnswerGetsTheTrialAgain) {
  SweepDirectory sweep = begun(2);
  const SweepWorker self = worker("a");
  EXPECT_EQ(sweep.advance(self, std::nullopt).trial, 0U);
  EXPECT_EQ(sweep.advance(self, std::nullopt).trial, 0U) << "the first answer was lost with an error of the disk";
}

TEST_F(SweepDirectoryTest, AReportThatIsRepeatedAfterALostAnswerCountsOnce) {
  SweepDirectory sweep = begun(1, {27});
  const SweepWorker self = worker("a");
  const Advice first = sweep.advance(self, std::nullopt);
  tests::FakeTrial run(first.run_directory);
  run.begins(27);
  run.ends(0, "failed: out of memory", 1);
  const LastTrial last{0, {base::kExitFailed}, first.attempts};
  EXPECT_EQ(sweep.advance(self, last).kind, Kind::kRun) << "its answer is lost";
  const Advice again = sweep.advance(self, last);
  EXPECT_EQ(again.kind, Kind::kRun);
  EXPECT_EQ(again.attempts, 1);
  EXPECT_EQ(sweep.read().trials[0].failures, 1);
}

TEST_F(SweepDirectoryTest, AWorkerOfAnotherMachineIsGoneWhenNothingIsHeardOfItsTrial) {
  SweepDirectory sweep = begun(1);
  SweepWorker far = worker("far");
  far.host = far.machine = "elsewhere";
  EXPECT_EQ(sweep.advance(far, std::nullopt).kind, Kind::kRun);
  now_ += 200;
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kWait);
  now_ += 200;
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kRun);
}

TEST_F(SweepDirectoryTest, AWorkerThatTheQueueSaysRunsKeepsItsTrialHoweverLongItIsSilent) {
  world_.life = [](const SweepClaim&) { return WorkerLife::kRuns; };
  SweepDirectory sweep = begun(1);
  SweepWorker far = worker("far");
  far.host = far.machine = "elsewhere";
  EXPECT_EQ(sweep.advance(far, std::nullopt).kind, Kind::kRun);
  now_ += 100 * kSilent;
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kWait) << "it is between two attempts";
}

TEST_F(SweepDirectoryTest, TheSilenceOfAWorkerBeginsWithTheEndOfItsLastAttempt) {
  SweepDirectory sweep = begun(1);
  SweepWorker far = worker("far");
  far.host = far.machine = "elsewhere";
  const Advice advice = sweep.advance(far, std::nullopt);
  std::filesystem::create_directories(advice.run_directory);
  std::ofstream(advice.run_directory + "/attempts.jsonl")
      << R"({"event":"start","attempt":1,"run_id":"a","steps":27,"time":1010})"
      << "\n"
      << R"({"event":"end","attempt":1,"reason":"failed","last_step":3,"saved_step":3,"time":1350})"
      << "\n";
  now_ += kSilent + 100;
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kWait);
  now_ += kSilent;
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kRun);
}

TEST_F(SweepDirectoryTest, StatusSaysWhichTrialsLostTheirWorker) {
  SweepDirectory sweep = begun(2);
  (void)sweep.advance(worker("a"), std::nullopt);
  (void)sweep.advance(worker("b"), std::nullopt);
  gone_.insert("a");
  SweepState state = sweep.read();
  show_lost_trials(files_, dir_.path(), world_.life, state);
  EXPECT_EQ(trial_state(state, 0), "waiting");
  EXPECT_EQ(trial_state(state, 1), "running");
}

TEST_F(SweepDirectoryTest, AWorkerOfOneShapeLeavesTrialsOfOthersAlone) {
  SweepDirectory sweep = begun(4);
  sweep.change([](const SweepState&) { return std::vector<base::Json>{trial_event(0, {}, 1), trial_event(2, {}, 1)}; });
  EXPECT_EQ(sweep.advance(worker("a"), std::nullopt, {.shape = 0}).trial, 1U);
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt, {.shape = 0}).trial, 3U);
  EXPECT_EQ(sweep.advance(worker("c"), std::nullopt, {.shape = 0}).kind, Kind::kWait);
  EXPECT_EQ(sweep.advance(worker("d"), std::nullopt, {.shape = 1}).trial, 0U);
  EXPECT_EQ(sweep.advance(worker("e"), std::nullopt).trial, 2U) << "a desk takes any";
}

TEST_F(SweepDirectoryTest, AParkedJobIsCalledWhenAnothersResultMakesWorkForIt) {
  SweepDirectory sweep = begun(3);
  sweep.change([](const SweepState&) { return std::vector<base::Json>{trial_event(0, {}, 1)}; });
  SweepWorker parked = worker("p"), other = worker("o");
  parked.job = "7_0";
  other.job = "8_0";
  const Advice first = sweep.advance(parked, std::nullopt, {.shape = 1});
  EXPECT_EQ(first.trial, 0U);
  const LastTrial done{0, {train(first)}};
  EXPECT_EQ(sweep.advance(parked, done, {.shape = 1, .parks = true}).kind, Kind::kWait);
  EXPECT_EQ(sweep.read().parked.size(), 1U);
  Advice advice = sweep.advance(other, std::nullopt, {.shape = 0});
  EXPECT_TRUE(advice.called.empty()) << "trial 0 is the best of one, and a third of it is none";
  advice = sweep.advance(other, LastTrial{advice.trial, {train(advice)}}, {.shape = 0});
  EXPECT_TRUE(advice.called.empty());
  advice = sweep.advance(other, LastTrial{advice.trial, {train(advice)}}, {.shape = 0});
  EXPECT_EQ(advice.kind, Kind::kWait) << "what is left is of another shape";
  ASSERT_EQ(advice.called.size(), 1U);
  EXPECT_EQ(advice.called[0].job, "7_0");
  SweepWorker back = worker("q");  // the job runs again
  back.job = "7_0";
  const Advice promoted = sweep.advance(back, std::nullopt, {.shape = 1});
  EXPECT_EQ(promoted.trial, 0U);
  EXPECT_EQ(promoted.rung, 1U);
  EXPECT_TRUE(sweep.read().parked.empty());
}

TEST_F(SweepDirectoryTest, AMachineOnWhichTrialAfterTrialFailsRests) {
  SweepDirectory sweep = begun(6, {27});
  const SweepWorker broken = worker("a");
  SweepWorker sound = worker("b");
  sound.host = "sound";
  const auto fails = [&](std::size_t trial) {
    tests::FakeTrial run(sweep.trial(trial));
    run.begins(27);
    run.ends(0, "failed: no such device", 1);
    return LastTrial{trial, {base::kExitFailed}};
  };
  Advice advice = sweep.advance(broken, std::nullopt);
  for (int starts = 1; starts < 3 * kMostFailures; ++starts) {
    advice = sweep.advance(broken, fails(advice.trial));
    ASSERT_EQ(advice.kind, Kind::kRun) << "start " << starts;
    if (advice.trial == 2) break;
  }
  EXPECT_EQ(advice.trial, 2U) << "two trials have failed";
  advice = sweep.advance(broken, fails(2));
  EXPECT_EQ(advice.kind, Kind::kWait);
  EXPECT_NE(advice.why.find("3 trials failed on"), std::string::npos) << advice.why;
  EXPECT_EQ(sweep.advance(sound, std::nullopt).kind, Kind::kRun) << "others go on";
  now_ += 59;
  EXPECT_EQ(sweep.advance(broken, std::nullopt).kind, Kind::kWait);
  now_ += 2;
  advice = sweep.advance(broken, std::nullopt);
  ASSERT_EQ(advice.kind, Kind::kRun);
  const LastTrial good{advice.trial, {train(advice)}};
  EXPECT_EQ(sweep.advance(broken, good).kind, Kind::kRun);
  EXPECT_TRUE(sweep.read().failing.empty()) << "a result shows that the machine works";
}

TEST_F(SweepDirectoryTest, KillsAndFailuresAreCountedApart) {
  SweepDirectory sweep = begun(1, {27});
  const SweepWorker self = worker("a");
  Advice advice = sweep.advance(self, std::nullopt);
  const auto ends = [&](const std::string& reason, int starts) {
    static tests::FakeTrial run(advice.run_directory);
    for (int i = 0; i < starts; ++i) {
      run.begins(27);
      run.ends(0, reason, 1);
    }
    advice = sweep.advance(self, LastTrial{0, {base::kExitFailed}});
  };
  ends("failed: the program was ended by signal 9 (Killed)", 9);
  EXPECT_EQ(advice.kind, Kind::kRun);
  ends("failed: out of memory", 2);
  EXPECT_EQ(advice.kind, Kind::kRun) << "nine kills and two failures are neither ten kills nor three failures";
  const TrialRecord trial = sweep.read().trials[0];
  EXPECT_EQ(trial.kills, 9);
  EXPECT_EQ(trial.failures, 2);
  ends("failed: out of memory", 1);
  EXPECT_EQ(sweep.read().trials[0].ended, "failed");
}

TEST_F(SweepDirectoryTest, AStopGivesNothingOut) {
  SweepDirectory sweep = begun(2);
  slurm::leave_request(files_, dir_.path(), slurm::Wish::kStop, "me", 0);
  EXPECT_EQ(sweep.advance(worker("a"), std::nullopt).kind, Kind::kStop);
  (void)slurm::take_back(files_, dir_.path(), slurm::Wish::kStop);
  EXPECT_EQ(sweep.advance(worker("a"), std::nullopt, {.trial = false}).kind, Kind::kStop);
  EXPECT_EQ(sweep.advance(worker("a"), std::nullopt).kind, Kind::kRun);
}

TEST_F(SweepDirectoryTest, ADivergedTrialEndsAndCountsAsTheWorst) {
  SweepDirectory sweep = begun(3);
  const SweepWorker self = worker("a");
  Advice advice = sweep.advance(self, std::nullopt);
  tests::FakeTrial trial(advice.run_directory);
  trial.begins(27);
  trial.ends(2, "failed: step 3 has loss nan and gradient norm nan (samples 1 to 2)", 1);
  advice = sweep.advance(self, LastTrial{0, {1}});
  const SweepState state = sweep.read();
  EXPECT_EQ(trial_state(state, 0), "diverged");
  EXPECT_NE(state.trials[0].why.find("step 3"), std::string::npos);
  for (int i = 0; i < 2; ++i) advice = sweep.advance(self, LastTrial{advice.trial, {train(advice)}});
  EXPECT_EQ(advice.trial, 1U);
  EXPECT_EQ(advice.rung, 1U) << "a third of three: the diverged one was measured too";
}

TEST_F(SweepDirectoryTest, ATornLastLineIsRepairedAndDamagedOnesArePassedOver) {
  SweepDirectory sweep = begun(2);
  std::ofstream(sweep_log(dir_.path()), std::ios::app) << "garbage\n{\"event\":\"result\",\"trial\":99,\"rung\":0,"
                                                          "\"metric\":1}\n{\"event\":\"result\",\"trial\":0,\"rung\":5,"
                                                          "\"metric\":1}\n{\"event\":\"claim\",\"trial\":0,\"rung\":0,"
                                                          "\"worker\":3}\n{\"event\":\"sweep\",\"trials\":1e300}\n"
                                                          "{\"event\":\"claim\",\"trial\":1,\"ru";
  EXPECT_EQ(sweep.advance(worker("a"), std::nullopt).trial, 0U);
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).trial, 1U);
  const std::string log = files_.read_all(sweep_log(dir_.path()));
  EXPECT_EQ(log.find("\"ru{"), std::string::npos) << log;
  EXPECT_EQ(log.back(), '\n');
}

TEST_F(SweepDirectoryTest, WithoutALogThereIsNoSweep) {
  SweepDirectory sweep(files_, dir_.path(), world_);
  EXPECT_THROW(sweep.advance(worker("a"), std::nullopt), base::InputError);
}

// The disk fails some calls, after or before they did their work, as a network file system may.
class LyingFiles : public tests::ForwardingFileSystem {
 public:
  explicit LyingFiles(std::mt19937 random) : random_(random) {}
  std::unique_ptr<base::File> open(const Path& path, base::OpenMode mode) override {
    if (mode == base::OpenMode::kCreateExclusive) {
      if (lies(5)) throw base::IoError("before", EIO);
      auto file = ForwardingFileSystem::open(path, mode);
      if (lies(3)) throw base::IoError("made, but reported as there", EEXIST);
      return file;
    }
    return ForwardingFileSystem::open(path, mode);
  }
  void rename(const Path& from, const Path& to) override {
    if (lies(5)) throw base::IoError("before", EIO);
    ForwardingFileSystem::rename(from, to);
    if (lies(5)) throw base::IoError("after", EIO);
  }
  void remove(const Path& path) override {
    if (lies(5)) throw base::IoError("before", EIO);
    ForwardingFileSystem::remove(path);
    if (lies(5)) throw base::IoError("after", ENOENT);
  }
  std::atomic<int> told = 0;

 private:
  bool lies(unsigned percent) {
    const std::lock_guard lock(mutex_);
    const bool lie = random_() % 100 < percent;
    told += lie ? 1 : 0;
    return lie;
  }
  std::mutex mutex_;
  std::mt19937 random_;
};

TEST_F(SweepDirectoryTest, ManyWorkersOnALyingDiskLoseNothingAndDoubleNothing) {
  constexpr std::size_t kTrials = 40;
  LyingFiles lying(tests::seeded_random<std::mt19937>(3));
  begun(kTrials);
  // An empty lease that nobody finished is taken over after a minute; here minutes pass quickly.
  std::atomic<int> ticks = 0;
  world_.lease.now = [&] { return std::chrono::steady_clock::time_point(1s * ++ticks); };
  world_.lease.wait = [](std::chrono::milliseconds) {
    std::this_thread::sleep_for(1ms);
    return true;
  };
  world_.life = [](const SweepClaim&) { return WorkerLife::kUnknown; };
  SweepDirectory sweep(lying, dir_.path(), world_);
  std::mutex mutex;
  std::map<std::pair<std::size_t, std::size_t>, int> runs;
  SweepPool pool(sweep,
                 {[&](const Advice& advice, std::size_t) {
                    const std::lock_guard lock(mutex);
                    ++runs[{advice.trial, advice.rung}];
                    return train(advice);
                  },
                  [] {}, [](std::size_t) {}, [](std::size_t) {}, [](const std::string&) {}},
                 {1000, 1ms, 1ms});
  EXPECT_TRUE(pool.run(4, [] { return false; }));
  const SweepState state = sweep.read();
  std::size_t promoted = 0;
  for (std::size_t i = 0; i < kTrials; ++i) {
    ASSERT_FALSE(state.trials[i].results.empty()) << i;
    promoted += state.trials[i].results.size() - 1;
  }
  EXPECT_GE(promoted, kTrials / 3);
  for (const auto& [run, times] : runs) EXPECT_EQ(times, 1) << "trial " << run.first << ", rung " << run.second;
  EXPECT_GT(lying.told, 5);
}

TEST_F(SweepDirectoryTest, APoolThatIsStoppedReleasesItsTrialsAndAnotherGoesOn) {
  SweepDirectory sweep = begun(4);
  std::atomic<bool> stopped = false;
  SweepPool pool(sweep,
                 {[&](const Advice& advice, std::size_t) {
                    while (!stopped) std::this_thread::sleep_for(1ms);
                    tests::FakeTrial trial(advice.run_directory);
                    trial.begins(27);
                    trial.ends(3, "stopped by SIGUSR1", 75);
                    return 75;
                  },
                  [&] { stopped = true; }, [](std::size_t) {}, [](std::size_t) {}, [](const std::string&) {}},
                 {3, 1ms, 1ms});
  EXPECT_FALSE(pool.run(2, [] { return true; }));
  const SweepState state = sweep.read();
  for (const TrialRecord& trial : state.trials) {
    EXPECT_FALSE(trial.claim) << "released, or never claimed";
    EXPECT_TRUE(trial.ended.empty());
  }
  EXPECT_EQ(sweep.advance(worker("b"), std::nullopt).kind, Kind::kRun);
}

TEST_F(SweepDirectoryTest, TrialsThatCannotBeStartedFailOneByOne) {
  world_.now = [this] { return now_ += 1000; };  // the machine has rested whenever it is asked
  SweepDirectory sweep = begun(4);
  SweepPool pool(sweep,
                 {[](const Advice&, std::size_t) -> int { throw base::Error("no such program"); }, [] {},
                  [](std::size_t) {}, [](std::size_t) {}, [](const std::string&) {}},
                 {3, 1ms, 1ms});
  EXPECT_TRUE(pool.run(2, [] { return false; }));
  for (const TrialRecord& trial : sweep.read().trials) EXPECT_EQ(trial.ended, "failed");
}

TEST_F(SweepDirectoryTest, AnErrorOfOneWorkerEndsThePool) {
  SweepDirectory sweep = begun(4);
  SweepPool pool(sweep,
                 {[](const Advice&, std::size_t) -> int { throw std::runtime_error("a fault of ours"); }, [] {},
                  [](std::size_t) {}, [](std::size_t) {}, [](const std::string&) {}},
                 {3, 1ms, 1ms});
  EXPECT_THROW(pool.run(2, [] { return false; }), std::runtime_error);
}

}  // namespace
}  // namespace trireme::launcher
