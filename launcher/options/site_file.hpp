// The site file: the facts of a cluster and what jobs need there (docs/site.md), and where commands look for it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/options/command_line.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/site/site.hpp"

namespace trireme::options {

/// Where an administrator leaves the site file of all users.
inline constexpr const char* kSharedSiteFile = "/etc/trireme/site.ini";

/// What --site and $TRIREME_SITE may name instead of a file: no site file is taken, Slurm is asked.
inline constexpr const char* kNoSiteFile = "none";

/// A site file that a command takes.
struct SiteFile {
  std::string path;
  std::string named_by;  ///< "--site", "$TRIREME_SITE", or "" for one that lies in a usual place

  /// "site.ini", "/home/a/site.ini (named by $TRIREME_SITE)".
  std::string text() const;
};

/// Reads INI text that slurm::to_ini() or a person wrote; keys left out keep their defaults. `origin` names the text
/// in messages. Throws base::InputError in one sentence: unknown section or key (naming the nearest), a key given
/// twice, a value that is none.
slurm::Site parse_site(const std::string& text, const std::string& origin);

/// Does the same for a file. Throws base::InputError when it is unreadable.
slurm::Site load_site_file(const std::string& path);
/// The same; the error says by what the file was named.
slurm::Site load_site_file(const SiteFile& file);

/// Declares --site FILE on `line`. `named` must outlive line.parse(), which refuses an empty name.
void declare_site(CommandLine& line, std::string& named, const std::string& help);

/// The user's own site file: site.ini in $XDG_CONFIG_HOME/trireme, without that in ~/.config/trireme. "" where neither
/// variable holds an absolute path. The file need not be there.
std::filesystem::path own_site_file(const slurm::Lookup& variable);

/// The site file of a command: `named` (what --site says) when not empty, else what $TRIREME_SITE names, else
/// own_site_file() or `shared`, the first that is there. Nothing when there is none, and where kNoSiteFile is named. A
/// file that was named is not looked at: one that is missing is load_site_file()'s error.
std::optional<SiteFile> find_site_file(const std::string& named, const slurm::Lookup& variable,
                                       const std::filesystem::path& shared = kSharedSiteFile);

/// What a name of a team's dataset begins with, in data.train and data.valid: "team:web-v2".
inline constexpr std::string_view kTeamPrefix = "team:";
/// The team's directory when neither --tree nor data.tree names one: team_tree of the site file that is found without
/// --site, else "runs". Absolute. Errors as load_site_file().
std::filesystem::path default_team_tree();

}  // namespace trireme::options
