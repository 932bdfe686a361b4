#include "launcher/submission/resubmission.hpp"
#include "launcher/run_directory/submission_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using testing::HasSubstr;

const slurm::ScriptRun kRun = {"bible", "/home/ann/bible.ini", "/scratch/runs/bible"};

bool belongs(const std::string& line, const std::vector<std::string>& submitted = {}) {
  return job_of_run(parse_known_jobs(line + "\n"), kRun, "/home/ann", submitted).has_value();
}

TEST(JobOfRun, KnowsARunByItsScript) {
  EXPECT_TRUE(belongs("12|PENDING|bible|/scratch/runs/bible/submit.sbatch|/elsewhere"));
  EXPECT_TRUE(belongs("12|RUNNING|renamed|/scratch/runs/bible/submit.sbatch|/home/ann"));
  EXPECT_FALSE(belongs("12|RUNNING|bible|/scratch/runs/psalms/submit.sbatch|/home/ann"));
  // The first task of an array has its script; the others are other runs.
  EXPECT_TRUE(belongs("12_0|PENDING|trireme|/scratch/runs/bible/submit.sbatch|/home/ann"));
  EXPECT_FALSE(belongs("12_1|PENDING|trireme|/scratch/runs/bible/submit.sbatch|/home/ann"));
}

TEST(JobOfRun, KnowsARunByTheNumbersOfItsSubmission) {
  EXPECT_TRUE(belongs("12_3|PENDING|trireme|/scratch/runs/psalms/submit.sbatch|/home/ann", {"12_3"}));
  EXPECT_FALSE(belongs("12_4|PENDING|trireme|/scratch/runs/psalms/submit.sbatch|/home/ann", {"12_3"}));
}

TEST(JobOfRun, KnowsAJobThatAScriptSubmittedAgain) {
  EXPECT_TRUE(belongs("12|PENDING|bible|/var/spool/slurmd/job00007/slurm_script|/home/ann"));
  EXPECT_FALSE(belongs("12|PENDING|bible|/var/spool/slurmd/job00007/slurm_script|/home/bob"));
  EXPECT_FALSE(belongs("12|PENDING|psalms|/var/spool/slurmd/job00007/slurm_script|/home/ann"));
}

TEST(JobOfRun, DoesNotCountWhatIsOver) {
  for (const char* state : {"COMPLETING", "CANCELLED", "FAILED", "TIMEOUT", "PREEMPTED"}) {
    EXPECT_FALSE(belongs(std::string("12|") + state + "|bible|/scratch/runs/bible/submit.sbatch|/home/ann", {"12"}))
        << state;
  }
  for (const char* state : {"PENDING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD", "RESIZING"}) {
    EXPECT_TRUE(belongs(std::string("12|") + state + "|bible|/scratch/runs/bible/submit.sbatch|/home/ann")) << state;
  }
  EXPECT_FALSE(belongs("slurm_load_jobs error: no answer"));
}

class Resubmission : public testing::Test {
 protected:
  Resubmission() {
    plan_.runs = {{"bible", "/home/ann/bible.ini", (directory_.path() / "bible").string()}};
    plan_.work_directory = "/home/ann";
    std::filesystem::create_directories(directory_.path() / "bible" / "logs");
  }

  std::string refusal(const std::string& queue) {
    try {
      check_resubmission(files_, plan_, [&](const std::vector<std::string>&) {
        return slurm::CommandResult{0, queue, ""};
      });
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "";
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
  slurm::ScriptPlan plan_;
};

TEST_F(Resubmission, RefusesARunThatIsQueued) {
  keep_submission(files_, plan_.runs[0].run_directory, {{"12", "13"}, "alpha", "bible", "/work", 100});
  EXPECT_THAT(last_submission(files_, plan_.runs[0].run_directory).jobs, testing::ElementsAre("12", "13"));
  EXPECT_EQ(last_submission(files_, plan_.runs[0].run_directory).cluster, "alpha");
  EXPECT_EQ(last_submission(files_, plan_.runs[0].run_directory).steps, 100);
  EXPECT_THAT(refusal("13|PENDING|bible|x|/y\n"), HasSubstr("job 13 already (PENDING)"));
  EXPECT_EQ(refusal("14|PENDING|bible|x|/y\n"), "");
  plan_.request.extra = "--dependency=afterany:13";  // meant to follow it
  EXPECT_EQ(refusal("13|PENDING|bible|x|/y\n"), "");
}

TEST_F(Resubmission, BearsWhateverTheRecordHolds) {
  for (const char* text : {"", "{", "[]", "{\"jobs\":3}", "{\"jobs\":[3]}"}) {
    std::ofstream(directory_.path() / "bible" / "submitted.json") << text;
    EXPECT_TRUE(last_submission(files_, plan_.runs[0].run_directory).jobs.empty()) << text;
  }
}

}  // namespace
}  // namespace trireme::launcher
