#include "launcher/run_directory/tensorboard/tensorboard_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "launcher/run_directory/metrics_log.hpp"
#include "launcher/run_directory/tensorboard/event.hpp"
#include "launcher/run_directory/tensorboard/event_record.hpp"
#include "tests/support/counting_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Steps = std::vector<std::int64_t>;

class TensorboardLogTest : public testing::Test {
 protected:
  const std::filesystem::path& run() const { return directory_.path(); }
  std::filesystem::path metrics() const { return run() / "metrics.jsonl"; }

  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const std::string& name : files_.list(run())) {
      if (name.starts_with("events.")) found.push_back(name);
    }
    return found;
  }
  // Steps of all events with values, file after file.
  Steps steps() {
    Steps found;
    for (const std::string& name : names()) {
      const auto file = files_.open(run() / name, base::OpenMode::kRead);
      EventReader reader(*file);
      std::uint64_t end = 0;
      for (EventRecord record; reader.next(record); end = record.end) {
        if (record.summary) found.push_back(record.step);
      }
      EXPECT_EQ(end, file->size()) << name << " ends with a torn record";
    }
    return found;
  }
  static base::Json line(std::int64_t step, double loss = 0.5) {
    return {{"step", step}, {"time", 1000.0 + static_cast<double>(step)}, {"loss", loss}};
  }
  // An attempt that begins after a step, and does some.
  void attempt(int number, std::int64_t after, std::int64_t last, bool tensorboard = true, double loss = 0.5) {
    MetricsLog log(files_, metrics(), {.last_step = after}, number - 1);
    std::unique_ptr<TensorboardLog> events;
    if (tensorboard) {
      events = std::make_unique<TensorboardLog>(files_, run(), after, number);
    } else {
      cut_tensorboard(files_, run(), after);
    }
    for (std::int64_t step = after + 1; step <= last; ++step) {
      log.append(line(step, loss));
      if (events) events->append(line(step, loss));
    }
  }
  // What a reader of all files sees is what metrics.jsonl says.
  void expect_equal() {
    std::vector<std::string> wanted, found;
    const std::string text = files_.read_all(metrics());
    for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
      wanted.push_back(metrics_event(base::Json::parse(text.substr(begin, text.find('\n', begin) - begin))));
    }
    for (const std::string& name : names()) {
      const auto file = files_.open(run() / name, base::OpenMode::kRead);
      EventReader reader(*file);
      for (EventRecord record; reader.next(record);) {
        if (record.summary) found.push_back(record.event);
      }
    }
    EXPECT_EQ(found, wanted);
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(TensorboardLogTest, AResumedAttemptLeavesEachStepOnce) {
  attempt(1, 0, 5);
  attempt(2, 3, 6);
  attempt(3, 6, 7);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(names(),
              ElementsAre("events.out.tfevents.0000000001.0000.trireme", "events.out.tfevents.0000000002.0000.trireme",
                          "events.out.tfevents.0000000003.0000.trireme"));
  attempt(4, 2, 3);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
  expect_equal();
  attempt(5, 0, 2);
  EXPECT_THAT(steps(), ElementsAre(1, 2));
  EXPECT_THAT(names(), ElementsAre("events.out.tfevents.0000000005.0000.trireme"));
}

TEST_F(TensorboardLogTest, ATornOrDamagedRecordIsRepaired) {
  attempt(1, 0, 5);
  const auto file = run() / names().front();
  const std::string whole = files_.read_all(file);
  files_.replace(file, whole + whole.substr(0, 20));
  attempt(2, 5, 6);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6));
  std::string damaged = whole;
  damaged[whole.size() / 2] = static_cast<char>(~damaged[whole.size() / 2]);
  files_.replace(file, damaged);
  files_.remove(run() / names().back());
  attempt(3, 6, 7);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6, 7)) << "written anew from metrics.jsonl";
  expect_equal();
}

TEST_F(TensorboardLogTest, TurnedOnInTheMiddleItHasAllThatCameBefore) {
  attempt(1, 0, 4, false);
  EXPECT_THAT(names(), IsEmpty());
  attempt(2, 4, 6);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6));
  attempt(3, 5, 7, false, 0.25);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5)) << "cut, though it is off";
  attempt(4, 6, 8);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  expect_equal();
}

// Step 5 was done again while it was off: its old event must not stay for the new one.
TEST_F(TensorboardLogTest, AnEventOfAnotherLineIsNoticed) {
  attempt(1, 0, 6);
  files_.create_directory(run() / "aside");
  files_.rename(run() / names().front(), run() / "aside/events");
  attempt(2, 4, 5, false, 0.25);
  files_.rename(run() / "aside/events", run() / "events.out.tfevents.0000000001.0000.trireme");
  attempt(3, 5, 6);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6));
  expect_equal();
}

TEST_F(TensorboardLogTest, ARollBackCutsAndGoesOnInANewFile) {
  auto log = std::make_unique<MetricsLog>(files_, metrics(), KeptLines{.last_step = 0}, 0);
  TensorboardLog events(files_, run(), 0, 1);
  const auto append = [&](std::int64_t step, double loss) {
    log->append(line(step, loss));
    events.append(line(step, loss));
  };
  for (std::int64_t step = 1; step <= 5; ++step) append(step, 0.5);
  log = std::make_unique<MetricsLog>(files_, metrics(), KeptLines{.last_step = 2}, 1);
  events.cut_after(2);
  for (std::int64_t step = 3; step <= 4; ++step) append(step, 0.25);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4));
  log = std::make_unique<MetricsLog>(files_, metrics(), KeptLines{.last_step = 0}, 1);
  events.cut_after(0);
  append(1, 0.125);
  EXPECT_THAT(steps(), ElementsAre(1));
  EXPECT_THAT(names(), ElementsAre("events.out.tfevents.0000000001.0002.trireme"))
      << "no name is used twice: a TensorBoard may still hold the file";
  expect_equal();
}

TEST_F(TensorboardLogTest, OtherFilesStayAndLinksAreRefused) {
  files_.replace(run() / "events.out.tfevents.1700000000.host", "somebody's");
  files_.replace(run() / "events.out.tfevents.0000000000.hparams.trireme", "a sweep's");
  attempt(1, 0, 2);
  attempt(2, 0, 1);
  EXPECT_EQ(files_.read_all(run() / "events.out.tfevents.1700000000.host"), "somebody's");
  EXPECT_EQ(files_.read_all(run() / "events.out.tfevents.0000000000.hparams.trireme"), "a sweep's");
  files_.create_symlink("/dev/null", run() / "events.out.tfevents.0000000003.0000.trireme");
  EXPECT_THROW(TensorboardLog(files_, run(), 1, 3), base::InputError);
}

TEST_F(TensorboardLogTest, AStepIsOneWriteAndABeginningReadsTheEventsOnce) {
  attempt(1, 0, 20000);
  const auto size = files_.read_all(run() / names().front()).size();
  tests::CountingFileSystem counting;
  TensorboardLog events(counting, run(), 20000, 2);
  EXPECT_LE(counting.counts().bytes_read, size + (std::size_t{1} << 17));
  EXPECT_LE(counting.counts().bytes_written, 1000u);
  counting.reset();
  events.append(line(20001));
  EXPECT_LE(counting.counts().bytes_written, 100u);
}

TEST(MetricsEvent, LinesWithNothingToShowHaveNone) {
  EXPECT_EQ(metrics_event({{"step", 1}, {"time", 2.0}}), "");
  EXPECT_EQ(metrics_event({{"loss", 1.0}}), "");
  EXPECT_EQ(metrics_event({{"step", "1"}, {"loss", 1.0}}), "");
  EXPECT_EQ(metrics_event({{"step", 1}, {"sample_prompt", "a"}}), "");
  EXPECT_NE(metrics_event({{"step", 1}, {"loss", nullptr}}), "");
  EXPECT_EQ(metrics_event({{"step", 1}, {"loss", nullptr}}), metrics_event({{"step", 1}, {"loss", INFINITY}}));
}

TEST(MetricsEvent, EveryFieldHasATag) {
  EXPECT_EQ(tensorboard_tag("loss"), "train/loss");
  EXPECT_EQ(tensorboard_tag("valid_loss"), "valid/loss");
  EXPECT_EQ(tensorboard_tag("data_wait_seconds"), "time/data_wait");
  EXPECT_EQ(tensorboard_tag("a\xff"
                            "b"),
            "train/a\ufffd"
            "b");
}

}  // namespace
}  // namespace trireme::launcher
