#include "slurm/site/site_ini.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include "base/printable.hpp"
#include "base/words.hpp"
#include "slurm/site/site_table.hpp"
#include "slurm/site/slurm_text.hpp"

namespace trireme::slurm {
namespace {

constexpr const char* kHead =
    "# The facts of a Slurm cluster, and what your jobs need there; docs/site.md explains every key.\n"
    "# Written by: trireme doctor --site-out FILE. Running that again refreshes the facts and keeps [needs].\n";
constexpr const char* kNotKnown = "# Not known: ";
constexpr const char* kYours = "# Yours: what a job needs here. It goes into the batch script as it is.";
constexpr const char* kUnknown = "unknown";
constexpr const char* kPartition = "partition.";
constexpr const char* kQos = "qos.";

std::string in_one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

// Puts comments into one column where the values are short enough.
void add_line(std::string& text, const std::string& name, const std::string& value, const std::string& comment) {
  constexpr std::size_t kColumn = 34;
  std::string line = name + " =" + (value.empty() ? "" : " " + value);
  line.append(line.size() + 2 < kColumn ? kColumn - line.size() : 2, ' ');
  text += in_one_line(line + "# " + comment) + "\n";
}

template <typename Owner>
void add_section(std::string& text, const std::string& name, const Owner& owner,
                 const std::vector<SiteKey<Owner>>& keys, const std::map<std::string, std::string>& unknown) {
  text += "\n[" + name + "]\n";
  for (const SiteKey<Owner>& key : keys) {
    const auto reason = unknown.find(key.name);
    if (reason != unknown.end()) {
      add_line(text, key.name, kUnknown, key.comment + "; " + reason->second);
      continue;
    }
    for (const std::string& value : texts_of(owner, key)) add_line(text, key.name, value, key.comment);
  }
}

bool begins_section(const std::string& line) { return base::trimmed(line).starts_with("["); }

template <typename Owner>
void add_json(base::Json& object, const Owner& owner, const std::vector<SiteKey<Owner>>& keys,
              const std::map<std::string, std::string>& unknown = {}) {
  for (const SiteKey<Owner>& key : keys) {
    object[key.name] = unknown.count(key.name) > 0 ? base::Json(nullptr) : json_of(owner, key);
  }
}

}  // namespace

std::string to_ini(const Site& site, const std::string& needs_section) {
  std::string text = kHead;
  for (const auto& [subject, reason] : site.unknown)
    text += base::printable(in_one_line(kNotKnown + subject + " (" + reason + ").")) + "\n";
  add_section(text, "slurm", site, slurm_keys(), site.unknown);
  add_section(text, "mpi", site, mpi_keys(), site.unknown);
  for (const Partition& one : site.partitions) {
    add_section(text, kPartition + one.name, one, partition_keys(), {});
  }
  for (const Qos& one : site.qos) add_section(text, kQos + one.name, one, qos_keys(), {});
  if (!needs_section.empty()) return text + "\n" + needs_section;
  text += std::string("\n") + kYours;
  add_section(text, "needs", site, needs_keys(), {});
  return text;
}

std::string needs_section_of(const std::string& ini) {
  std::string section;
  bool inside = false;
  std::istringstream lines(ini);
  for (std::string line; std::getline(lines, line);) {
    if (begins_section(line)) inside = base::trimmed(line).starts_with("[needs]");
    if (inside) section += line + "\n";
  }
  return section;
}

std::string foreign_comment(const std::string& ini) {
  bool needs = false;
  std::istringstream lines(ini);
  for (std::string line; std::getline(lines, line);) {
    line = base::trimmed(line);
    if (begins_section(line)) needs = line.starts_with("[needs]");
    const bool ours = line == kYours || line.starts_with(kNotKnown) ||
                      std::string_view(kHead).find(line + "\n") != std::string_view::npos;
    if (!needs && line.size() > 1 && line.starts_with("#") && !ours) return line;
  }
  return "";
}

base::Json to_json(const Site& site) {
  base::Json json = base::Json::object();
  add_json(json, site, slurm_keys(), site.unknown);
  add_json(json, site, mpi_keys(), site.unknown);
  json["partitions"] = base::Json::array();
  for (const Partition& one : site.partitions) {
    base::Json object = {{"name", one.name}};
    add_json(object, one, partition_keys());
    json["partitions"].push_back(std::move(object));
  }
  json["qos"] = base::Json::array();
  for (const Qos& one : site.qos) {
    base::Json object = {{"name", one.name}};
    add_json(object, one, qos_keys());
    json["qos"].push_back(std::move(object));
  }
  json["needs"] = base::Json::object();
  add_json(json["needs"], site, needs_keys());
  json["unknown"] = site.unknown;
  return json;
}

}  // namespace trireme::slurm
