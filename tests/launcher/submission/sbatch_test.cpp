#include "launcher/submission/sbatch.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Answer = std::optional<slurm::CommandResult>;

std::string refusal(const Answer& answer) {
  try {
    submit_script({}, {}, "/run/submit.sbatch", [&](const auto&) { return answer; });
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

TEST(SubmitScript, SettingsStandBeforeTheScriptAndTheNumberComesBack) {
  std::vector<std::string> asked;
  const auto sbatch = [&](const std::vector<std::string>& words) {
    asked = words;
    return Answer({0, "41;cluster\n", "sbatch: a site's note\n"});
  };
  EXPECT_EQ(submit_script({"--nodes=2"}, {after("40")}, "/run/submit.sbatch", sbatch), "41");
  EXPECT_THAT(asked,
              ElementsAre("sbatch", "--nodes=2", "--dependency=afterany:40", "--parsable", "/run/submit.sbatch"));
}

TEST(SubmitScript, SaysWhySbatchRefuses) {
  EXPECT_THAT(refusal(Answer({1, "", "sbatch: a note\nsbatch: error: no such account\nsbatch: error: sorry\n"})),
              HasSubstr("refused the job: no such account; sorry"));
  EXPECT_THAT(refusal(Answer({slurm::kNoAnswer, "", "no answer within 300 s"})), HasSubstr("look with squeue"));
  EXPECT_THAT(refusal(std::nullopt), HasSubstr("no sbatch here"));
}

}  // namespace
}  // namespace trireme::launcher
