// trireme doctor: on a login node, what this site's Slurm will do to a job. Under mpirun or srun the helper checks the
// compute nodes instead.
#include <cstdlib>
#include <filesystem>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/output_file.hpp"
#include "base/printable.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/options/ini_text.hpp"
#include "launcher/options/site_file.hpp"
#include "launcher/program/helper.hpp"
#include "launcher/submission/site_report.hpp"
#include "slurm/site/advice.hpp"
#include "slurm/site/site_facts.hpp"
#include "slurm/site/site_ini.hpp"
#include "slurm/site/site_values.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

constexpr const char* kNoSlurm =
    "no Slurm here: scontrol is not in PATH; on a cluster, run this on a login node (perhaps after: module load slurm)";

struct EarlierFile {
  std::string text;
  slurm::Site site;
};

bool started_by_launcher() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr;
}

// The site file that will be refreshed: only if it is one, and everything in it but [needs] is ours.
std::optional<EarlierFile> earlier_file(const std::string& path, bool force) {
  const Path file = base::output_file(path, base::Overwrite::kForced);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored) || std::filesystem::file_size(file, ignored) == 0) return std::nullopt;
  try {
    EarlierFile earlier;
    earlier.text = options::read_ini_file(file, "site file");
    earlier.site = options::parse_site(earlier.text, path);
    const std::string foreign = slurm::foreign_comment(earlier.text);
    if (!foreign.empty() && !force) {
      throw base::InputError(str("--site-out would lose a line that somebody wrote into ", path, " (", foreign,
                                 "): put it below [needs], name another file, or give --force"));
    }
    return earlier;
  } catch (const base::InputError& error) {
    if (force) return std::nullopt;
    if (std::string_view(error.what()).starts_with("--site-out")) throw;
    throw base::InputError(str("--site-out would replace a file that does not read as a site file (", error.what(),
                               "): correct it, name another one, or replace it with --force"));
  }
}

void write_site_file(const std::string& path, bool force, const std::optional<EarlierFile>& earlier, slurm::Site site,
                     void (*say)(std::string_view line)) {
  // What no command can tell, but a person may have found out.
  if (earlier && !site.submit_from_nodes) site.submit_from_nodes = earlier->site.submit_from_nodes;
  const std::string needs = earlier ? slurm::needs_section_of(earlier->text) : "";
  base::PosixFileSystem files;
  const auto overwrite = earlier || force ? base::Overwrite::kForced : base::Overwrite::kRefused;
  files.replace(base::output_file(path, overwrite), slurm::to_ini(site, needs));
  if (!earlier) {
    say("");
    say(str("wrote ", path, ": fill in [needs] at its end, then: trireme submit RUN.ini --site ", path));
    return;
  }
  const auto changes = slurm::changes_between(earlier->site, site);
  say("");
  say(str("refreshed the facts in ", path, " and kept your [needs]; ",
          changes.empty() ? "nothing has changed" : "changed:"));
  for (const std::string& change : changes) say("  " + change);
}

void print_json(const slurm::Site& site, const std::vector<slurm::FairShare>& shares) {
  base::Json json = slurm::to_json(site);
  json["fair_share"] = base::Json::array();
  for (const slurm::FairShare& one : shares) {
    json["fair_share"].push_back({{"account", one.account},
                                  {"raw_shares", one.raw_shares},
                                  {"normalized_share", one.normalized_share},
                                  {"usage", one.usage},
                                  {"factor", one.factor}});
  }
  json["advice"] = base::Json::array();
  for (const slurm::Advice& one : slurm::advise(site)) {
    json["advice"].push_back({{"topic", one.topic}, {"subjects", one.subjects}, {"text", one.text}});
  }
  base::answer_json(json);
}

void print_tables(const slurm::Site& site, const std::vector<slurm::FairShare>& shares) {
  std::string text = site_table(site);
  if (!shares.empty()) text += "\n" + fair_share_table(shares);
  for (const auto& [subject, reason] : site.unknown) {
    text += base::printable("not known: " + subject + " (" + reason + ")") + "\n";
  }
  text += "\n" + advice_text(site);
  base::answer_text(text);
}

}  // namespace

int doctor_command(const Arguments& arguments) {
  if (started_by_launcher()) {
    Arguments words = arguments;
    words.insert(words.begin(), "doctor");
    exec_helper(words);
  }
  std::string site_out;
  bool json = false, force = false;
  options::CommandLine line("doctor", "what this cluster's Slurm will do to your jobs; under mpirun: checks the nodes",
                            "trireme doctor --site-out site.ini\n"
                            "mpirun trireme doctor");
  line.each("site-out", "FILE",
            "writes the facts as a site file, for submit; an existing one is refreshed, its [needs] kept",
            [&](const std::string& path) {
              if (path.empty()) throw base::InputError("--site-out needs the name of a file to write");
              site_out = path;
            });
  line.flag("force", force, "replace a --site-out file whatever it holds");
  line.flag("json", json, "print one JSON object instead of tables and sentences");
  if (!line.parse(arguments)) return base::kExitDone;

  const std::optional<EarlierFile> earlier = site_out.empty() ? std::nullopt : earlier_file(site_out, force);
  const std::optional<slurm::Site> site = slurm::read_site(slurm::run_command);
  if (!site) {
    if (!site_out.empty()) throw base::Error(str(kNoSlurm, "; ", site_out, " is not written"));
    base::answer(json ? "null" : kNoSlurm);
    return base::kExitDone;
  }
  const auto shares =
      site->accounting ? slurm::read_fair_shares(slurm::run_command) : std::optional<std::vector<slurm::FairShare>>();
  if (json) {
    print_json(*site, shares.value_or(std::vector<slurm::FairShare>()));
  } else {
    print_tables(*site, shares.value_or(std::vector<slurm::FairShare>()));
  }
  if (!site_out.empty()) write_site_file(site_out, force, earlier, *site, json ? base::print_note : base::answer);
  return base::kExitDone;
}

}  // namespace trireme::launcher
