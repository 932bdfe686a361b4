// Every damage to every part of a checkpoint is found by verify and by a resume, and named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "base/error.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "tests/io/checkpoint/damage_cases.hpp"
#include "tests/io/checkpoint/damage_oracle.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

/// Lines that a Log writes, in memory.
class LogText {
 public:
  LogText() : stream_(::open_memstream(&text_, &length_)) {}
  LogText(const LogText&) = delete;
  LogText& operator=(const LogText&) = delete;
  ~LogText() {
    std::fclose(stream_);
    std::free(text_);
  }
  base::Log log() const { return base::Log(stream_); }
  std::string text() const {
    std::fflush(stream_);
    return {text_, length_};
  }

 private:
  char* text_ = nullptr;
  std::size_t length_ = 0;
  std::FILE* stream_;
};

/// "" or what is wrong with what verify says.
std::string check_verify(const DamageRun& run, const Expectation& expected) {
  base::PosixFileSystem files;
  std::set<std::string> named;
  for (const auto& finding : verify(files, run.newest(), ShardCheck::kBytes, 1).findings) named.insert(finding.subject);
  if (!std::ranges::includes(named, expected.required)) {
    return "verify names " + testing::PrintToString(named) + ", not " + testing::PrintToString(expected.required);
  }
  std::set<std::string> most = expected.required;
  most.insert(expected.allowed.begin(), expected.allowed.end());
  if (!std::ranges::includes(most, named)) return "verify names too much: " + testing::PrintToString(named);
  return "";
}

/// What a resume ends with: the step, and how many elements are wrong.
struct Resumed {
  std::int64_t step = -1;
  std::int64_t wrong = 0;
};

Resumed resume(Coordinator& coordinator, const DamageRun& run, const base::Log& log) {
  base::PosixFileSystem files;
  Resumed result;
  result.step = restore_newest(coordinator, files, run.run(), 2, log, [&](Reader& reader) {
                  result.wrong = load_sample(reader, coordinator, damage_tensors(), {coordinator.size(), 1, 1, true},
                                             DataType::kFloat64, reader.manifest().step, all_slots());
                }).value_or(-1);
  return result;
}

std::string check_resume(const DamageRun& run, const Expectation& expected, int ranks) {
  LogText lines;
  std::vector<Resumed> results(static_cast<std::size_t>(ranks));
  trireme::tests::run_ranks(ranks, ranks, [&](Coordinator& coordinator) {
    results[static_cast<std::size_t>(coordinator.rank())] =
        resume(coordinator, run, coordinator.rank() == 0 ? lines.log() : base::Log());
  });
  const std::int64_t right = expected.usable() ? 2 : 1;
  for (const auto& result : results) {
    if (result.step != right) return base::str("resumes from step ", result.step, " instead of ", right);
    if (result.wrong != 0) return base::str(result.wrong, " elements are wrong after the resume");
  }
  const std::string text = lines.text();
  const auto is_named = [&](const std::string& subject) { return text.find(subject + ": ") != std::string::npos; };
  if (expected.usable()) {
    if (!std::ranges::all_of(expected.foreign, is_named)) return "the resume does not name what is foreign: " + text;
    return std::filesystem::exists(run.newest()) ? "" : "a usable checkpoint is gone";
  }
  std::set<std::string> reasons = expected.required;
  for (const auto& name : expected.foreign) reasons.erase(name);
  reasons.insert(expected.allowed.begin(), expected.allowed.end());
  if (text.find("trying the next older one") == std::string::npos || std::ranges::none_of(reasons, is_named)) {
    return "the resume does not name what is damaged: " + text;
  }
  const bool aside = std::filesystem::exists(run.run() / "checkpoints" / ".step_2.bad.2") &&
                     !std::filesystem::exists(std::filesystem::symlink_status(run.newest()));
  return aside ? "" : "the damaged checkpoint was not set aside";
}

/// Runs the cases and prints how many there were of each object and damage.
void run_cases(const DamageRun& run, const std::vector<DamageCase>& cases, int ranks) {
  std::map<std::string, std::map<std::string, int>> counts;
  std::size_t detected = 0;
  std::size_t harmless = 0;
  for (const auto& damage : cases) {
    damage.apply();
    const Expectation expected = expectation(run);
    ASSERT_FALSE(expected.required.empty())
        << damage.object << ", " << damage.damage << ", " << damage.where << ": changes nothing";
    std::string problem = check_verify(run, expected);
    if (problem.empty()) problem = check_resume(run, expected, ranks);
    EXPECT_EQ(problem, "") << damage.object << ", " << damage.damage << ", " << damage.where;
    detected += problem.empty();
    harmless += expected.usable();
    ++counts[damage.object][damage.damage];
    run.repair(damage.file);
  }
  for (const auto& [object, damages] : counts) {
    std::string line;
    for (const auto& [damage, count] : damages) line += base::str(line.empty() ? "" : ", ", damage, " ", count);
    std::printf("%s: %s\n", object.c_str(), line.c_str());
  }
  std::printf("%zu cases on %d rank(s), %zu detected by verify and by a resume; %zu of them harm no byte of it\n",
              cases.size(), ranks, detected, harmless);
  EXPECT_EQ(detected, cases.size());
}

TEST(DamageCases, EveryPart) {
  const DamageRun run;
  const auto cases = part_damages(run);
  EXPECT_GT(cases.size(), 1500u);
  run_cases(run, cases, 1);
}

TEST(DamageCases, EveryFileAndFolder) {
  const DamageRun run;
  const auto cases = file_damages(run);
  EXPECT_GT(cases.size(), 120u);
  run_cases(run, cases, 1);
  run_cases(run, cases, 2);
}

}  // namespace
}  // namespace trireme::checkpoint::tests
