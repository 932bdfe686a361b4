#include "launcher/usage/spared.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

constexpr Span kWindow{1000, 2000};

class Spared : public testing::Test {
 protected:
  // Trial n of the sweep, on two GPUs, with 3 device seconds a step.
  void trial(int number) {
    RunRecord run;
    run.path = sweep_ / ("trial_" + std::to_string(number));
    run.person = "ada";
    run.project = "physics";
    run.gpus = true;
    run.use.seconds_per_step = 3;
    runs_.push_back(run);
  }
  double seconds(const std::string& log) {
    std::ofstream(sweep_ / "sweep.jsonl") << R"({"event":"sweep","name":"lr","trials":5,"rungs":[9,27,81],"time":1000})"
                                          << "\n"
                                          << log;
    double sum = 0;
    for (const SparedTime& one : spared_time(files_, {sweep_}, runs_, kWindow)) {
      EXPECT_EQ(one.person, "ada");
      EXPECT_TRUE(one.gpus);
      sum += one.seconds;
    }
    return sum;
  }
  void SetUp() override {
    for (int i = 0; i < 5; ++i) trial(i);
  }

  base::PosixFileSystem files_;
  tests::TemporaryDirectory directory_;
  std::filesystem::path sweep_ = directory_.path();
  std::vector<RunRecord> runs_;
};

TEST_F(Spared, StepsThatPausedAndDivergedTrialsDidNotDo) {
  EXPECT_DOUBLE_EQ(seconds(R"({"event":"claim","trial":0,"rung":0,"time":1100}
{"event":"result","trial":0,"rung":0,"step":9,"metric":4.1,"time":1200}
{"event":"ended","trial":1,"how":"diverged","step":5,"time":1200}
)"),
                   3 * (72 + 76));
}

TEST_F(Spared, ATrialThatRunsOrWasPromotedOrIsDoneSparesNothingYet) {
  EXPECT_DOUBLE_EQ(seconds(R"({"event":"result","trial":0,"rung":0,"step":9,"metric":4.1,"time":1200}
{"event":"claim","trial":0,"rung":1,"time":1300}
{"event":"result","trial":1,"rung":2,"step":81,"metric":4.1,"time":1200}
{"event":"claim","trial":2,"rung":0,"time":1300}
{"event":"released","trial":2,"why":"killed","saved_step":4,"time":1400}
)"),
                   0);
}

TEST_F(Spared, NeitherFailuresNorTrialsThatSomebodyStoppedNorOtherDaysCount) {
  EXPECT_DOUBLE_EQ(seconds(R"({"event":"ended","trial":0,"how":"failed","step":5,"time":1200}
{"event":"ended","trial":1,"how":"stopped","step":5,"time":1200}
{"event":"result","trial":2,"rung":0,"step":9,"metric":4.1,"time":900}
{"event":"result","trial":7,"rung":0,"step":9,"metric":4.1,"time":1200}
)"),
                   0);
}

TEST_F(Spared, DamagedLogsAreReadAsFarAsTheyMakeSense) {
  EXPECT_DOUBLE_EQ(seconds(R"({"event":"result","trial":-1,"rung":0,"step":9,"time":1200}
{"event":"result","trial":1e300,"rung":0,"step":9,"time":1200}
{"event":"result","trial":1,"rung":0,"step":1e300,"time":1200}
{"event":"result","trial":2,"rung":0,"step":-5,"time":1200}
{"event":"result","trial":3,"rung":0,"step":9,"time":"soon"}
{"event":"sweep","rungs":[]}
{"event":"sweep","rungs":[1e99]}
[1]
{"event":"result","trial":4,"rung":0,"step":80,"time":1200}
{"event":"result","trial":0,"ru)"),
                   3);
  std::filesystem::remove(sweep_ / "sweep.jsonl");
  std::filesystem::create_directory(sweep_ / "sweep.jsonl");
  EXPECT_TRUE(spared_time(files_, {sweep_}, runs_, kWindow).empty());
}

}  // namespace
}  // namespace trireme::launcher
