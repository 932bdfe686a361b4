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
#include "slurm/job/job_environment.hpp"
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

bool is_same_file(const std::string& path, const Path& other) {
  std::error_code missing;
  return !other.empty() && (Path(path) == other || std::filesystem::equivalent(path, other, missing));
}

// Where submit looks by itself, the directory may be made as well.
void make_own_directory(const std::string& path) {
  const Path own = options::own_site_file(slurm::environment_variable);
  base::PosixFileSystem files;
  if (!own.empty() && std::filesystem::absolute(path).lexically_normal() == own.lexically_normal()) {
    files.create_directories(own.parent_path());
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
    const auto found = options::find_site_file("", slurm::environment_variable);
    const bool finds = found && is_same_file(path, found->path);
    say("");
    say(str("wrote ", path, ": fill in [needs] at its end, then: trireme submit RUN.ini",
            finds ? " (which finds it there)" : " --site " + path));
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
    text += base::printable(base::str("not known: ", subject, " (", reason, ")"));
    text += '\n';
  }
  text += "\n" + advice_text(site);
  base::answer_text(text);
}

void print(const slurm::Site& site, const std::vector<slurm::FairShare>& shares, bool json) {
  if (json) {
    print_json(site, shares);
  } else {
    print_tables(site, shares);
  }
}

// What submit will take for true although Slurm says otherwise.
void compare(const options::SiteFile& file, const slurm::Site& kept, slurm::Site site) {
  if (!site.submit_from_nodes) site.submit_from_nodes = kept.submit_from_nodes;  // only a person knows
  const auto changes = slurm::changes_between(kept, site);
  base::answer("");
  base::answer(str("site file ", file.text(),
                   changes.empty() ? ": as Slurm says now"
                                   : str(": Slurm says otherwise now; to refresh it: trireme "
                                         "doctor --site-out ",
                                         file.path)));
  for (const std::string& change : changes) base::answer("  " + change);
}

}  // namespace

int doctor_command(const Arguments& arguments) {
  if (started_by_launcher()) {
    Arguments words = arguments;
    words.insert(words.begin(), "doctor");
    exec_helper(words);
  }
  std::string site_out, named;
  bool json = false, force = false;
  options::CommandLine line("doctor", "what this cluster's Slurm will do to your jobs; under mpirun: checks the nodes",
                            "trireme doctor --site-out ~/.config/trireme/site.ini\n"
                            "mpirun trireme doctor");
  line.each("site-out", "FILE",
            "writes the facts as a site file, for submit; an existing one is refreshed, its [needs] kept",
            [&](const std::string& path) {
              if (path.empty()) throw base::InputError("--site-out needs the name of a file to write");
              site_out = path;
            });
  options::declare_site(line, named, "a site file to show instead of what Slurm says");
  line.flag("force", force, "replace a --site-out file whatever it holds");
  line.flag("json", json, "print one JSON object instead of tables and sentences");
  if (!line.parse(arguments)) return base::kExitDone;
  if (!site_out.empty() && !named.empty()) {
    throw base::InputError("--site shows a site file and --site-out writes what Slurm says: give one of them");
  }

  std::optional<EarlierFile> earlier;
  std::optional<options::SiteFile> file;
  if (site_out.empty()) {
    file = options::find_site_file(named, slurm::environment_variable);
  } else {
    make_own_directory(site_out);
    earlier = earlier_file(site_out, force);
  }
  const slurm::Site kept = file ? options::load_site_file(*file) : slurm::Site();
  const bool ask = !file || file->named_by != "--site";
  const auto site = ask ? slurm::read_site(slurm::run_command) : std::optional<slurm::Site>();
  if (!site) {
    if (!site_out.empty()) throw base::Error(str(kNoSlurm, "; ", site_out, " is not written"));
    if (file && ask) base::print_note("no Slurm here: what follows is the site file " + file->text());
    if (file) {
      print(kept, {}, json);
    } else {
      base::answer(json ? "null" : kNoSlurm);
    }
    return base::kExitDone;
  }
  const auto shares =
      site->accounting ? slurm::read_fair_shares(slurm::run_command) : std::optional<std::vector<slurm::FairShare>>();
  print(*site, shares.value_or(std::vector<slurm::FairShare>()), json);
  if (file && !json) compare(*file, kept, *site);
  if (!site_out.empty()) write_site_file(site_out, force, earlier, *site, json ? base::print_note : base::answer);
  return base::kExitDone;
}

}  // namespace trireme::launcher
