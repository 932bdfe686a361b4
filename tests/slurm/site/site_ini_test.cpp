#include "slurm/site/site_ini.hpp"
#include "slurm/site/site_values.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "base/error.hpp"
#include "slurm/site/site_facts.hpp"
#include "tests/slurm/site/samples.hpp"

namespace trireme::slurm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string refusal(const SiteValues& values) {
  try {
    site_from_values(values);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ToIni, EveryKeyHasAComment) {
  Samples samples{"23.11"};
  std::istringstream lines(to_ini(read_site(samples.run()).value()));
  int keys = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" =") == std::string::npos || line[0] == '#') continue;
    ++keys;
    EXPECT_THAT(line, HasSubstr("  # ")) << line;
  }
  EXPECT_GT(keys, 100);
}

TEST(ToIni, AnUnknownFactIsWrittenAsUnknownWithItsReason) {
  Site site;
  site.unknown = {{"mpi_types", "srun is not installed here"}, {"nodes", "sinfo failed"}};
  const std::string text = to_ini(site);
  EXPECT_THAT(text, HasSubstr("mpi_types = unknown"));
  EXPECT_THAT(text, HasSubstr("; srun is not installed here\n"));
  EXPECT_THAT(text, HasSubstr("# Not known: nodes (sinfo failed).\n"));
}

TEST(ToIni, NeitherAHashNorALineBreakInAFactCutsIt) {
  Site site;
  site.mpirun_version = "mpirun #7\nkill_wait = 1";
  site.unknown = {{"nodes", "sinfo\nfailed"}};
  EXPECT_THAT(to_ini(site), HasSubstr("mpirun_version = \"mpirun #7 kill_wait = 1\""));
  EXPECT_THAT(to_ini(site), HasSubstr("# Not known: nodes (sinfo failed).\n"));
}

TEST(NeedsSectionOf, TakesTheLinesUpToTheNextSection) {
  const std::string needs = "[needs]  # ours\n# a comment\nmodules = gcc\n\n";
  EXPECT_EQ(needs_section_of("[slurm]\na = 1\n" + needs), needs);
  EXPECT_EQ(needs_section_of(needs + "[mpi]\nb = 2\n"), needs);
  EXPECT_EQ(needs_section_of("[slurm]\n"), "");
}

TEST(ToIni, PutsAnEarlierNeedsSectionBackAsItIs) {
  const std::string needs = "[needs]\n# my comment\nmodules = gcc/12\n";
  const std::string text = to_ini(Site{}, needs);
  EXPECT_EQ(needs_section_of(text), needs);
  EXPECT_THAT(text, Not(HasSubstr("gpu_request")));
}

TEST(ForeignComment, IsWhatSomebodyWroteOutsideOfNeeds) {
  Site site;
  site.unknown["fair share"] = "no sacctmgr";
  const std::string ours = to_ini(site);
  EXPECT_EQ(foreign_comment(ours), "");
  EXPECT_EQ(foreign_comment(ours + "# the group's\nmodules = x # mine\n"), "");
  const std::size_t mpi = ours.find("[mpi]");
  EXPECT_EQ(foreign_comment(ours.substr(0, mpi) + "  # ask Ada\n" + ours.substr(mpi)), "# ask Ada");
}

TEST(SiteFromValues, NamesTheNearestKeyAndSection) {
  EXPECT_THAT(refusal({{"slurm.kil_wait", "1"}}), HasSubstr("did you mean slurm.kill_wait?"));
  EXPECT_THAT(refusal({{"partition.gpu.grase", "1"}}), HasSubstr("did you mean partition.gpu.grace?"));
  EXPECT_THAT(refusal({{"need.account", "x"}}), AllOf(HasSubstr("unknown section need"), HasSubstr("mean needs?")));
  EXPECT_THAT(refusal({{"partitions.gpu.grace", "1"}}), HasSubstr("did you mean partition.NAME?"));
  EXPECT_THAT(refusal({{"partition.grace", "1"}}), HasSubstr("unknown section partition"));
  EXPECT_THAT(refusal({{"grace", "1"}}), HasSubstr("before the first [section]"));
  EXPECT_THAT(refusal({{"slurm.whatever_else_it_is", "1"}}), HasSubstr("known: cluster"));
}

TEST(SiteFromValues, RefusesWhatIsNoValue) {
  EXPECT_EQ(refusal({{"slurm.kill_wait", "x"}}), "slurm.kill_wait needs a whole number of at least 0, not 'x'");
  EXPECT_THAT(refusal({{"slurm.kill_wait", "-1"}}), HasSubstr("at least 0"));
  EXPECT_THAT(refusal({{"slurm.kill_wait", ""}}), HasSubstr("whole number"));
  EXPECT_THAT(refusal({{"slurm.kill_wait", "99999999999999999999"}}), HasSubstr("whole number"));
  EXPECT_THAT(refusal({{"slurm.requeue", "maybe"}}), HasSubstr("needs yes or no, not 'maybe'"));
  EXPECT_THAT(refusal({{"partition.a.time_limit", "2 days"}}), HasSubstr("needs a time like 2-00:00:00"));
  EXPECT_THAT(refusal({{"partition.a.preempt_mode", "kill"}}), HasSubstr("off, requeue, cancel or suspend"));
  EXPECT_THAT(refusal({{"partition.a.billing_weights", "cpu"}}), HasSubstr("items like gres/gpu=10"));
  EXPECT_THAT(refusal({{"partition.a.billing_weights", "cpu=-1"}}), HasSubstr("at least 0"));
  EXPECT_THAT(refusal({{"partition.a.node_kinds", "1:2:3"}}), HasSubstr("nodes:cpus:MiB:gpus:type"));
  EXPECT_THAT(refusal({{"slurm.cluster", "a"}, {"slurm.cluster", "b"}}), HasSubstr("slurm.cluster is given twice"));
  EXPECT_THAT(refusal({{"mpi.mpi_types", "unknown"}, {"mpi.mpi_types", "pmix"}}), HasSubstr("given twice"));
}

TEST(SiteFromValues, ReadsListsLinesAndWords) {
  const Site site = site_from_values({{"needs.modules", "gcc/12 openmpi/4"},
                                      {"needs.modules", "cuda"},
                                      {"needs.launcher_arguments", "--mca  btl self"},
                                      {"needs.launcher_arguments", "-v"},
                                      {"needs.prolog", "ulimit -l unlimited"},
                                      {"needs.prolog", ""},
                                      {"needs.node_directories_persist", "yes"},
                                      {"needs.queue_seconds", "300"},
                                      {"mpi.mpi_types", "unknown"},
                                      {"slurm.submit_from_nodes", "unknown"},
                                      {"partition.a.b.max_nodes", "unlimited"},
                                      {"partition.a.b.preempted_by", "c, d"}});
  EXPECT_THAT(site.modules, ElementsAre("gcc/12 openmpi/4", "cuda"));
  EXPECT_THAT(site.launcher_arguments, ElementsAre("--mca", "btl", "self", "-v"));
  EXPECT_THAT(site.prolog, ElementsAre("ulimit -l unlimited"));
  EXPECT_TRUE(site.node_directories_persist);
  EXPECT_EQ(site.queue_seconds, 300);
  EXPECT_EQ(site.unknown.count("mpi_types"), 1U);
  EXPECT_EQ(site.submit_from_nodes, std::nullopt);
  ASSERT_EQ(site.partitions.size(), 1U);
  EXPECT_EQ(site.partitions[0].name, "a.b");
  EXPECT_EQ(site.partitions[0].max_nodes, std::nullopt);
  EXPECT_THAT(site.partitions[0].preempted_by, ElementsAre("c", "d"));
}

TEST(ChangesBetween, NamesWhatDiffers) {
  Site before, after;
  before.partitions = {Partition{.name = "a"}, Partition{.name = "b"}};
  after.partitions = {Partition{.name = "a"}, Partition{.name = "c"}};
  after.partitions[0].grace = 120;
  after.cluster = "x";
  EXPECT_THAT(changes_between(before, after), ElementsAre("partition.b: gone", "partition.c: new",
                                                          "slurm.cluster: - -> x", "partition.a.grace: 0 -> 120"));
  EXPECT_THAT(changes_between(after, after), IsEmpty());
  before.modules = {"only needs"};
  EXPECT_THAT(changes_between(before, before), IsEmpty());
}

TEST(ToJson, HasNumbersAndNulls) {
  Samples samples{"24.05"};
  samples.replaced["srun_mpi_list"] = std::nullopt;
  const base::Json json = to_json(read_site(samples.run()).value());
  EXPECT_EQ(json["cluster"], "forge");
  EXPECT_TRUE(json["mpi_types"].is_null());
  EXPECT_EQ(json["submit_from_nodes"], false);
  EXPECT_TRUE(json["partitions"][0]["time_limit"].is_null());
  EXPECT_EQ(json["partitions"][1]["grace"], 300);
  EXPECT_EQ(json["partitions"][1]["preempt_mode"], "requeue");
  EXPECT_EQ(json["partitions"][1]["node_kinds"][0]["gpu_type"], "h100");
  EXPECT_EQ(json["partitions"][0]["billing_weights"]["gres/gpu"], 1.0);
  EXPECT_EQ(json["unknown"].size(), 1U);
}

}  // namespace
}  // namespace trireme::slurm
