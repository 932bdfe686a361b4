#include "slurm/submit/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "slurm/submit/batch_script.hpp"
#include "tests/slurm/submit/sample_site.hpp"

namespace trireme::slurm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

template <typename Function>
std::string refusal(const Function& function) {
  try {
    function();
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

ScriptPlan small_plan(const Site& site) {
  ScriptPlan plan;
  plan.runs = {{"bible", "/home/ann/bible.ini", "/scratch/ann/runs/bible"}};
  plan.work_directory = "/home/ann";
  plan.log_directory = "/scratch/ann/runs/bible/logs";
  plan.geometry = plan_geometry(plan.request, site);
  return plan;
}

TEST(JobSettings, AreOneWordEachWithoutQuotes) {
  const Site site = sample_site();
  ScriptPlan plan = small_plan(site);
  plan.runs[0].name = "my \"first\" run";
  plan.work_directory = "/home/ann/it's `id` $HOME #1";
  plan.log_directory = "/scratch/100% mine";
  plan.request.extra = "--comment='two words' --nodelist=n4";
  const auto words = job_settings(plan, site);
  for (const char* word :
       {"--job-name=my \"first\" run", "--chdir=/home/ann/it's `id` $HOME #1",
        "--output=/scratch/100%% mine/job.%j.log", "--comment=two words", "--nodelist=n4", "--gpus-per-node=8"}) {
    EXPECT_THAT(words, Contains(word));
  }
  EXPECT_EQ(words.back(), "--nodelist=n4");
}

TEST(JobSettings, RefuseWhatWouldBeginALineOfItsOwn) {
  const Site site = sample_site();
  const auto with = [&](auto change) {
    ScriptPlan plan = small_plan(site);
    change(plan);
    return refusal([&] { job_settings(plan, site); });
  };
  for (const char* bad : {"/home/a\n#SBATCH --wrap=id", "/home/a\rb", "/home/\x1b[2J", "/home/\x7f"}) {
    EXPECT_THAT(with([&](ScriptPlan& plan) { plan.work_directory = bad; }), HasSubstr("line break")) << bad;
    EXPECT_THAT(with([&](ScriptPlan& plan) { plan.log_directory = bad; }), HasSubstr("line break")) << bad;
    EXPECT_THAT(with([&](ScriptPlan& plan) { plan.runs[0].name = bad; }), HasSubstr("line break")) << bad;
    EXPECT_THAT(with([&](ScriptPlan& plan) { plan.request.account = bad; }), HasSubstr("line break")) << bad;
    EXPECT_THAT(with([&](ScriptPlan& plan) { plan.request.qos = bad; }), HasSubstr("line break")) << bad;
    EXPECT_THAT(with([&](ScriptPlan& plan) { plan.request.extra = std::string("--comment=\"") + bad + '"'; }),
                HasSubstr("line break"))
        << bad;
    EXPECT_THAT(with([&](ScriptPlan& plan) { plan.request.gpu_request = std::string("--gres='") + bad + '\''; }),
                HasSubstr("line break"))
        << bad;
  }
  EXPECT_THAT(with([](ScriptPlan& plan) { plan.log_directory = "/a\\b"; }), HasSubstr("backslash"));
  EXPECT_THAT(with([](ScriptPlan& plan) { plan.request.gpu_request = "gpu:4"; }), HasSubstr("no option"));
}

TEST(ExtraWords, AreReadAsAShellWould) {
  EXPECT_THAT(extra_words(""), ElementsAre());
  EXPECT_THAT(extra_words("  --exclusive \t --hold "), ElementsAre("--exclusive", "--hold"));
  EXPECT_THAT(extra_words("--comment='it is' --comment=\"it's \\\"it\\\"\" --x=a\\ b"),
              ElementsAre("--comment=it is", "--comment=it's \"it\"", "--x=a b"));
  EXPECT_THAT(extra_words("--x=''"), ElementsAre("--x="));
  EXPECT_THAT(extra_words("-x n1,n2 --mail-type END --hold"), ElementsAre("-xn1,n2", "--mail-type=END", "--hold"));
}

TEST(ExtraWords, MustBelongToAnOptionThatHasNoKey) {
  for (const char* extra : {"script.sh", "--hold=1 script.sh", "--x='open", "--x=\"open", "''", "--", "-x n1 n2"}) {
    EXPECT_THAT(refusal([&] { extra_words(extra); }), HasSubstr("slurm.extra")) << extra;
  }
  for (const auto& [extra, key] : {std::pair("--partition=high", "slurm.partition"),
                                   {"-p high", "slurm.partition"},
                                   {"--part=high", "slurm.part"},
                                   {"-t5", "slurm.time"},
                                   {"--time=5", "slurm.time"},
                                   {"-N 4", "slurm.nodes"},
                                   {"--mem-per-cpu=1G", "slurm.mem"},
                                   {"--ntasks=9", "slurm.ranks_per_node"},
                                   {"--chdir=/", "directory"},
                                   {"-o x", "run directory"},
                                   {"--array=1-9", "several run files"},
                                   {"--job-name=x", "run.name"},
                                   {"--requeue", "--no-requeue"}}) {
    EXPECT_THAT(refusal([&] { extra_words(extra); }), HasSubstr(key)) << extra;
  }
  for (const char* fine :
       {"--exclusive", "--export=NONE", "--nodelist=n4", "--exclude=n1", "--no-requeue", "--gres=x:1",
        "--mem-bind=local", "--time-min=5", "--dependency=afterany:3", "--reservation=course"}) {
    EXPECT_THAT(extra_words(fine), ElementsAre(fine));
  }
}

TEST(DirectiveWord, QuotesWhatSbatchWouldReadOtherwise) {
  EXPECT_EQ(directive_word("--nodes=2"), "--nodes=2");
  EXPECT_EQ(directive_word("--chdir=/a b"), "--chdir=\"/a b\"");
  EXPECT_EQ(directive_word("--chdir=/a#b"), "--chdir=\"/a#b\"");
  EXPECT_EQ(directive_word("--comment=it's a \\ \"x\""), "--comment=\"it's a \\\\ \\\"x\\\"\"");
  EXPECT_EQ(directive_word("-ka b=c"), "\"-ka b=c\"");
}

TEST(MayRequeue, LooksAtTheExtraWords) {
  JobRequest request;
  EXPECT_TRUE(may_requeue(request));
  for (const char* extra : {"--no-requeue  --exclusive", "'--no-requeue'", "--no-req"}) {
    request.extra = extra;
    EXPECT_FALSE(may_requeue(request)) << extra;
  }
  request.extra = "--comment=--no-requeue";
  EXPECT_TRUE(may_requeue(request));
}

}  // namespace
}  // namespace trireme::slurm
