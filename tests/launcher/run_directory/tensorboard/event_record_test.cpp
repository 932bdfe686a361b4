#include "launcher/run_directory/tensorboard/event_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launcher/run_directory/tensorboard/event.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;

class EventRecordTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return directory_.path() / "events"; }
  // Steps of the whole records; the last number is where they end.
  std::vector<std::int64_t> read(const std::string& bytes) {
    files_.replace(file(), bytes);
    const auto opened = files_.open(file(), base::OpenMode::kRead);
    EventReader reader(*opened);
    std::vector<std::int64_t> found;
    std::uint64_t end = 0;
    for (EventRecord record; reader.next(record);) {
      EXPECT_EQ(record.begin, end);
      EXPECT_EQ(event_record(record.event), bytes.substr(record.begin, record.end - record.begin));
      found.push_back(record.step);
      end = record.end;
    }
    found.push_back(static_cast<std::int64_t>(end));
    return found;
  }
  static std::string step(std::int64_t number) {
    return event_record(metrics_event({{"step", number}, {"time", 1.5}, {"loss", 0.5}}));
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

// As TensorBoard has it: tensorboard.summary.writer.record_writer of b"hello".
TEST_F(EventRecordTest, IsFramedAsTensorFlowDoes) {
  EXPECT_EQ(event_record("hello"),
            std::string("\x05\0\0\0\0\0\0\0\xea\xb2\x04\x3e", 12) + "hello" + "\xbb\x1f\x1c\x19");
}

TEST_F(EventRecordTest, AFileIsReadUpToDamageOrATornRecord) {
  const std::string whole = event_record(file_version_event(1)) + step(1) + step(300), next = step(301);
  const auto end = static_cast<std::int64_t>(whole.size());
  EXPECT_THAT(read(whole), ElementsAre(0, 1, 300, end));
  for (std::size_t cut = 0; cut < next.size(); ++cut) {
    EXPECT_THAT(read(whole + next.substr(0, cut)), ElementsAre(0, 1, 300, end)) << cut;
  }
  for (std::size_t at = 0; at < next.size(); ++at) {
    std::string damaged = next;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_THAT(read(whole + damaged + next), ElementsAre(0, 1, 300, end)) << at;
  }
  EXPECT_THAT(read(whole + std::string(4096, '\0')), ElementsAre(0, 1, 300, end));
  EXPECT_THAT(read(""), ElementsAre(0));
}

TEST_F(EventRecordTest, ManyRecordsAreReadInBlocks) {
  std::string bytes;
  for (int i = 1; i <= 60000; ++i) bytes += step(i);
  bytes += event_record(std::string(3 << 20, '\xff')) + step(7);
  const auto steps = read(bytes);
  ASSERT_EQ(steps.size(), 60001u) << "what is no event ends the reading";
  EXPECT_EQ(steps[59999], 60000);
}

TEST_F(EventRecordTest, OnlyValuesMakeASummary) {
  files_.replace(file(), event_record(file_version_event(1)) + event_record(start_event(1, 7)) + step(7));
  const auto opened = files_.open(file(), base::OpenMode::kRead);
  EventReader reader(*opened);
  std::vector<bool> summaries;
  for (EventRecord record; reader.next(record);) summaries.push_back(record.summary);
  EXPECT_THAT(summaries, ElementsAre(false, false, true));
}

}  // namespace
}  // namespace trireme::launcher
