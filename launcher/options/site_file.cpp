#include "launcher/options/site_file.hpp"

#include <system_error>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "launcher/options/ini_text.hpp"
#include "slurm/site/site_values.hpp"

namespace trireme::options {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

std::string SiteFile::text() const {
  return named_by.empty() || named_by == "--site" ? path : str(path, " (named by ", named_by, ")");
}

slurm::Site parse_site(const std::string& text, const std::string& origin) {
  const auto values = base::parse_ini(text, origin);
  try {
    return slurm::site_from_values(values);
  } catch (const InputError& error) {
    throw InputError(str(origin, ": ", error.what()));
  }
}

slurm::Site load_site_file(const std::string& path) { return parse_site(read_ini_file(path, "site file"), path); }

slurm::Site load_site_file(const SiteFile& file) {
  try {
    return load_site_file(file.path);
  } catch (const InputError& error) {
    if (file.named_by == "--site") throw;
    throw InputError(str(error.what(), file.named_by.empty() ? " (the site file that was found; --site names another)"
                                                             : " (the site file that " + file.named_by + " names)"));
  }
}

void declare_site(CommandLine& line, std::string& named, const std::string& help) {
  line.each("site", "SITE.ini",
            help + " (default: $TRIREME_SITE, ~/.config/trireme/site.ini, " + kSharedSiteFile + "; none: asks Slurm)",
            [&named](const std::string& path) {
              if (path.empty()) throw InputError("--site needs the name of a site file");
              named = path;
            });
}

Path own_site_file(const slurm::Lookup& variable) {
  const Path below = Path("trireme") / "site.ini";
  if (const Path config = variable("XDG_CONFIG_HOME").value_or(""); config.is_absolute()) return config / below;
  const Path home = variable("HOME").value_or("");
  return home.is_absolute() ? home / ".config" / below : Path();
}

std::optional<SiteFile> find_site_file(const std::string& named, const slurm::Lookup& variable, const Path& shared) {
  const std::string by_variable = variable("TRIREME_SITE").value_or("");
  const SiteFile chosen = named.empty() ? SiteFile{by_variable, "$TRIREME_SITE"} : SiteFile{named, "--site"};
  if (chosen.path == kNoSiteFile) return std::nullopt;
  if (!chosen.path.empty()) return chosen;
  for (const Path& usual : {own_site_file(variable), shared}) {
    std::error_code unknown;  // a directory that this user may not enter holds no file of theirs
    if (!usual.empty() && std::filesystem::exists(usual, unknown)) return SiteFile{usual.string(), ""};
  }
  return std::nullopt;
}

Path default_team_tree() {
  const auto file = find_site_file("", slurm::environment_variable);
  const std::string tree = file ? load_site_file(*file).team_tree : "";
  return std::filesystem::absolute(tree.empty() ? "runs" : tree).lexically_normal();
}

}  // namespace trireme::options
