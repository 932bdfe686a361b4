// The site file: what is written reads back to the same, and every example loads.
#include "launcher/options/site_file.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "slurm/site/advice.hpp"
#include "slurm/site/preemption.hpp"
#include "slurm/site/site_facts.hpp"
#include "slurm/site/site_ini.hpp"
#include "slurm/site/site_table.hpp"
#include "slurm/site/site_values.hpp"
#include "tests/slurm/site/samples.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::options {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string refusal(const std::string& text) {
  try {
    parse_site(text, "site.ini");
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SiteFile, ReadsBackWhatWasWritten) {
  for (const char* version : {"21.08", "22.05", "23.11", "24.05"}) {
    slurm::Samples samples{version};
    slurm::Site site = slurm::read_site(samples.run()).value();
    site.modules = {"gcc/12 openmpi/4.1", "cuda/12"};
    site.container = "apptainer exec --nv \"a # b.sif\"";
    site.account = "a \"#1\", \\b ";
    site.cluster = "my #1 cluster";
    site.gpu_request = "--gres=gpu:a100:{gpus}";
    site.launcher_arguments = {"--mca", "btl", "^openib"};
    site.prolog = {"ulimit -l unlimited", "export A=\"b c\""};
    site.node_directories_persist = true;
    site.mpi_types.clear();
    site.unknown["mpi_types"] = "a reason";
    const std::string text = slurm::to_ini(site);
    const slurm::Site again = parse_site(text, "site.ini");
    EXPECT_THAT(slurm::changes_between(site, again), IsEmpty()) << version;
    EXPECT_EQ(again.modules, site.modules);
    EXPECT_EQ(again.container, site.container);
    EXPECT_EQ(again.account, site.account);
    EXPECT_EQ(again.cluster, site.cluster);
    EXPECT_EQ(again.gpu_request, site.gpu_request);
    EXPECT_EQ(again.launcher_arguments, site.launcher_arguments);
    EXPECT_EQ(again.prolog, site.prolog);
    EXPECT_TRUE(again.node_directories_persist);
    EXPECT_EQ(again.unknown.count("mpi_types"), 1U);
    ASSERT_EQ(again.partitions.size(), site.partitions.size());
    for (std::size_t i = 0; i < site.partitions.size(); ++i) {
      EXPECT_EQ(again.partitions[i].name, site.partitions[i].name) << "the order of partitions";
      EXPECT_EQ(again.partitions[i].billing_weights, site.partitions[i].billing_weights) << "to the last bit";
      EXPECT_EQ(again.partitions[i].node_kinds, site.partitions[i].node_kinds);
    }
    EXPECT_EQ(slurm::advise(again).size(), slurm::advise(site).size());
  }
}

TEST(SiteFile, AHashInAWordOrInQuotesDoesNotCutAValue) {
  const slurm::Site site = parse_site(
      "[needs]\nprolog = echo \"a #b\"  # quoted\nprolog = test $# -eq 0\nprolog = echo a  # isn't \"quoted\"\n"
      "account = \"a #1\"\ncontainer = \"my image\" exec\n",
      "site.ini");
  EXPECT_THAT(site.prolog, testing::ElementsAre("echo \"a #b\"", "test $# -eq 0", "echo a"));
  EXPECT_EQ(site.account, "a #1");
  EXPECT_EQ(site.container, "\"my image\" exec");
}

TEST(SiteFile, NamesTheFileInItsRefusals) {
  EXPECT_EQ(refusal("[slurm]\nkill_wait = x\n"),
            "site.ini: slurm.kill_wait needs a whole number of at least 0, not 'x'");
  EXPECT_THAT(refusal("[run]\nname = x\n"), HasSubstr("site.ini: unknown section run"));
  EXPECT_THAT(refusal("what\n"), HasSubstr("lines are [section]"));
  EXPECT_THROW(load_site_file("/no/such/file"), base::InputError);
  EXPECT_THROW(load_site_file("/"), base::InputError);
}

TEST(SiteFile, AByteOrderMarkIsSkipped) {
  const tests::TemporaryDirectory directory;
  base::PosixFileSystem().replace(directory.path() / "s.ini", "\xEF\xBB\xBF[slurm]\ncluster = x\n");
  EXPECT_EQ(load_site_file((directory.path() / "s.ini").string()).cluster, "x");
}

class FindSiteFile : public testing::Test {
 protected:
  FindSiteFile() {
    variables_["HOME"] = path("home");
    variables_["XDG_CONFIG_HOME"] = path("config");
  }

  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string make(const std::string& name, const std::string& text = "[slurm]\ncluster = x\n") const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    base::PosixFileSystem().replace(path(name), text);
    return path(name);
  }
  std::optional<std::string> variable(const std::string& name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? std::nullopt : std::optional(found->second);
  }
  /// The path, or "none".
  std::string found(const std::string& named = "") const {
    const auto file = find_site_file(
        named, [this](const std::string& name) { return variable(name); }, path("etc/site.ini"));
    return file ? file->path : "none";
  }

  const tests::TemporaryDirectory directory_;
  std::map<std::string, std::string> variables_;
};

TEST_F(FindSiteFile, TakesTheFirstOfTheFourPlaces) {
  EXPECT_EQ(found(), "none");
  const std::string shared = make("etc/site.ini");
  EXPECT_EQ(found(), shared);
  const std::string own = make("config/trireme/site.ini");
  EXPECT_EQ(found(), own);
  variables_["TRIREME_SITE"] = "named.ini";  // also one that is missing: whoever names it means it
  EXPECT_EQ(found(), "named.ini");
  EXPECT_EQ(found("other.ini"), "other.ini");
  EXPECT_EQ(found(kNoSiteFile), "none");
  variables_["TRIREME_SITE"] = kNoSiteFile;
  EXPECT_EQ(found(), "none");
  EXPECT_EQ(found("other.ini"), "other.ini");
}

TEST_F(FindSiteFile, TheUsersOwnLiesInTheConfigurationDirectory) {
  make("config/trireme/site.ini");
  const std::string home = make("home/.config/trireme/site.ini");
  EXPECT_EQ(found(), path("config/trireme/site.ini"));
  for (const char* none : {"", "relative/config"}) {
    variables_["XDG_CONFIG_HOME"] = none;
    EXPECT_EQ(found(), home) << none;
  }
  variables_.erase("XDG_CONFIG_HOME");
  EXPECT_EQ(found(), home);
  variables_.erase("HOME");
  EXPECT_EQ(found(), "none");
  variables_["TRIREME_SITE"] = "";
  EXPECT_EQ(found(), "none") << "an empty variable names nothing";
}

TEST_F(FindSiteFile, AWrongFileIsAnErrorThatSaysWhoNamedIt) {
  const auto refusal_of = [](const SiteFile& file) -> std::string {
    try {
      load_site_file(file);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string wrong = make("config/trireme/site.ini", "[run]\nname = x\n");
  EXPECT_EQ(found(), wrong) << "the next place must not hide it";
  EXPECT_THAT(refusal_of({wrong, ""}), AllOf(HasSubstr(wrong), HasSubstr("--site names another")));
  EXPECT_THAT(refusal_of({path("gone.ini"), "$TRIREME_SITE"}),
              AllOf(HasSubstr("gone.ini"), HasSubstr("$TRIREME_SITE")));
  EXPECT_THAT(refusal_of({path("gone.ini"), "--site"}), testing::Not(HasSubstr("(")));
  EXPECT_EQ((SiteFile{"x.ini", "$TRIREME_SITE"}).text(), "x.ini (named by $TRIREME_SITE)");
  EXPECT_EQ((SiteFile{"x.ini", "--site"}).text(), "x.ini");
}

TEST_F(FindSiteFile, AnEmptyNameIsRefused) {
  std::string named;
  CommandLine line("x", "y", "z");
  declare_site(line, named, "w");
  EXPECT_THROW(line.parse({"--site", ""}), base::InputError);
  EXPECT_TRUE(line.parse({"--site", "a.ini"}));
  EXPECT_EQ(named, "a.ini");
}

TEST(SiteFile, EveryKeyIsInTheDocumentation) {
  const std::string page = base::PosixFileSystem().read_all(TRIREME_SOURCE_DIR "/docs/site.md");
  const auto check = [&](const auto& keys) {
    for (const auto& key : keys) EXPECT_THAT(page, HasSubstr("`" + key.name + "`"));
  };
  check(slurm::slurm_keys());
  check(slurm::mpi_keys());
  check(slurm::needs_keys());
  check(slurm::partition_keys());
  check(slurm::qos_keys());
}

const std::filesystem::path kExamples = TRIREME_SOURCE_DIR "/examples";

slurm::Preemption preemption_in(const std::string& file, const std::string& partition) {
  const slurm::Site site = load_site_file((kExamples / file).string());
  EXPECT_NE(site.partition(partition), nullptr) << file;
  return slurm::preemption_of(site, *site.partition(partition), "");
}

TEST(SiteExamples, AreTheSitesTheyAreNamedFor) {
  using slurm::PreemptMode;
  EXPECT_EQ(preemption_in("site-university.ini", "scavenge"),
            (slurm::Preemption{PreemptMode::kRequeue, 0, {"cpu", "gpu"}}));
  EXPECT_EQ(preemption_in("site-university.ini", "gpu").mode, PreemptMode::kOff);
  EXPECT_EQ(preemption_in("site-company.ini", "research"), (slurm::Preemption{PreemptMode::kRequeue, 300, {"prod"}}));
  EXPECT_EQ(preemption_in("site-cancel.ini", "guest"), (slurm::Preemption{PreemptMode::kCancel, 0, {"owners"}}));
  EXPECT_EQ(preemption_in("site-lab.ini", "").mode, PreemptMode::kOff);
  EXPECT_FALSE(load_site_file((kExamples / "site-lab.ini").string()).accounting);
  EXPECT_FALSE(load_site_file((kExamples / "site-cancel.ini").string()).requeue);
}

TEST(SiteExamples, AllLoadAndAreAdvisedOn) {
  int count = 0;
  for (const std::string& file : base::PosixFileSystem().list(kExamples)) {
    if (!file.starts_with("site-") || !file.ends_with(".ini")) continue;
    ++count;
    const slurm::Site site = load_site_file((kExamples / file).string());
    EXPECT_FALSE(site.partitions.empty()) << file;
    EXPECT_FALSE(slurm::advise(site).empty()) << file;
  }
  EXPECT_EQ(count, 4);
}

}  // namespace
}  // namespace trireme::options
