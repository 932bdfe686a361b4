#include "launcher/usage/accounting.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace trireme::launcher {
namespace {

using slurm::CommandResult;
using testing::ElementsAre;
using testing::HasSubstr;

/// Answers for sacct and sshare, and counts the questions.
struct Services {
  std::optional<CommandResult> sacct, sshare;
  std::vector<std::string> asked;

  slurm::RunCommand run() {
    return [this](const std::vector<std::string>& words) {
      const bool jobs = std::ranges::find(words, "sacct") != words.end();
      asked.push_back(jobs ? "sacct" : "sshare");
      return jobs ? sacct : sshare;
    };
  }
};

TEST(AskAccounting, AsksEachOnce) {
  Services services{CommandResult{0, "7|lab|ada|x|2026-11-29T08:00:00|Unknown|Unknown|Unknown|\n", ""},
                    CommandResult{0, "x|ada|1|0.5|0.25|0.75\n", ""},
                    {}};
  const AskedAccounting asked = ask_accounting(services.run(), 1000);
  EXPECT_THAT(services.asked, ElementsAre("sacct", "sshare"));
  ASSERT_TRUE(asked.answers.jobs && asked.answers.shares);
  EXPECT_EQ(asked.answers.jobs->at(0).user, "ada");
  EXPECT_EQ(asked.answers.shares->at(0).user, "ada");
  EXPECT_TRUE(asked.silent.empty());
}

TEST(AskAccounting, SaysInALineWhoDidNotAnswer) {
  Services services{CommandResult{1, "", "sacct: error: \x1b[31mno\nmore"},
                    CommandResult{slurm::kNoAnswer, "", "no answer within 60 s"},
                    {}};
  const AskedAccounting asked = ask_accounting(services.run(), 1000);
  EXPECT_FALSE(asked.answers.jobs || asked.answers.shares);
  ASSERT_EQ(asked.silent.size(), 2U);
  EXPECT_THAT(asked.silent[0], HasSubstr("\\x1B[31mno)"));
  EXPECT_THAT(asked.silent[1], HasSubstr("no answer within 60 s"));
}

TEST(AskAccounting, WithoutSlurmItIsOneSentence) {
  Services services{CommandResult{127, "", "env: 'sacct': No such file or directory"}, std::nullopt, {}};
  EXPECT_EQ(ask_accounting(services.run(), 1000).silent.size(), 1U);
  EXPECT_THAT(services.asked, ElementsAre("sacct"));
}

}  // namespace
}  // namespace trireme::launcher
