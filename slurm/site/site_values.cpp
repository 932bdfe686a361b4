#include "slurm/site/site_values.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "slurm/site/site_table.hpp"

namespace trireme::slurm {
namespace {

using base::InputError;
using base::str;

constexpr const char* kUnknown = "unknown";
const std::string kPartition = "partition.";
const std::string kQos = "qos.";

template <typename Owner>
const SiteKey<Owner>& find_key(const std::vector<SiteKey<Owner>>& keys, const std::string& section,
                               const std::string& name) {
  std::vector<std::string> names;
  for (const SiteKey<Owner>& key : keys) {
    if (key.name == name) return key;
    names.push_back(key.name);
  }
  const std::string near = base::nearest(name, names);
  std::string known;
  for (const std::string& key : names) known += (known.empty() ? "" : ", ") + key;
  throw InputError(str("unknown key ", section, ".", name,
                       near.empty() ? " (known: " + known + ")" : ", did you mean " + section + "." + near + "?"));
}

// Finds the entry of that name, or adds it in the order of the file.
template <typename Owner>
Owner& named(std::vector<Owner>& owners, const std::string& name) {
  const auto found = std::find_if(owners.begin(), owners.end(), [&](const Owner& owner) { return owner.name == name; });
  if (found != owners.end()) return *found;
  owners.emplace_back();
  owners.back().name = name;
  return owners.back();
}

class Builder {
 public:
  void take(const std::string& path, const std::string& value) {
    const std::size_t dot = path.rfind('.');
    if (dot == std::string::npos) throw InputError(str("key ", path, " stands before the first [section]"));
    const std::string section = path.substr(0, dot), name = path.substr(dot + 1);
    if (section.starts_with(kPartition) && section.size() > kPartition.size()) {
      set(named(site_.partitions, section.substr(kPartition.size())), partition_keys(), section, name, value);
    } else if (section.starts_with(kQos) && section.size() > kQos.size()) {
      set(named(site_.qos, section.substr(kQos.size())), qos_keys(), section, name, value);
    } else if (section == "slurm" || section == "mpi") {
      const auto& key = find_key(section == "mpi" ? mpi_keys() : slurm_keys(), section, name);
      const bool may_be_unknown = std::holds_alternative<std::optional<bool> Site::*>(key.member);
      if (value == kUnknown && !may_be_unknown) {
        site_.unknown[name] = "the site file does not tell";
        once(path);
      } else {
        set(site_, section == "mpi" ? mpi_keys() : slurm_keys(), section, name, value);
      }
    } else if (section == "needs") {
      set(site_, needs_keys(), section, name, value);
    } else {
      refuse_section(section, path);
    }
  }

  Site site() && { return std::move(site_); }

 private:
  void once(const std::string& path) {
    if (!seen_.insert(path).second) throw InputError(str(path, " is given twice"));
  }

  template <typename Owner>
  void set(Owner& owner, const std::vector<SiteKey<Owner>>& keys, const std::string& section, const std::string& name,
           const std::string& value) {
    const SiteKey<Owner>& key = find_key(keys, section, name);
    if (key.form != Form::kLines && key.form != Form::kWords) once(section + "." + name);
    try {
      set_text(owner, key, value);
    } catch (const InputError& error) {
      throw InputError(str(section, ".", name, " ", error.what()));
    }
  }

  [[noreturn]] static void refuse_section(const std::string& section, const std::string& path) {
    std::string near = base::nearest(section.substr(0, section.find('.')),
                                     std::vector<std::string>{"slurm", "mpi", "partition", "qos", "needs"});
    if (near == "partition" || near == "qos") near += ".NAME";
    throw InputError(str("unknown section ", section, " (", path, ")",
                         near.empty() ? "" : ", did you mean " + near + "?",
                         " (sections: slurm, mpi, partition.NAME, qos.NAME, needs)"));
  }

  Site site_;
  std::set<std::string> seen_;
};

template <typename Owner>
void add_values(std::map<std::string, std::string>& values, std::vector<std::string>& order, const Owner& owner,
                const std::string& section, const std::vector<SiteKey<Owner>>& keys,
                const std::map<std::string, std::string>& unknown) {
  for (const SiteKey<Owner>& key : keys) {
    const std::string path = section + "." + key.name;
    order.push_back(path);
    values[path] = unknown.count(key.name) > 0 ? kUnknown : texts_of(owner, key).front();
  }
}

std::map<std::string, std::string> facts_of(const Site& site, std::vector<std::string>& order) {
  std::map<std::string, std::string> values;
  add_values(values, order, site, "slurm", slurm_keys(), site.unknown);
  add_values(values, order, site, "mpi", mpi_keys(), site.unknown);
  for (const Partition& one : site.partitions) {
    add_values(values, order, one, kPartition + one.name, partition_keys(), {});
  }
  for (const Qos& one : site.qos) add_values(values, order, one, kQos + one.name, qos_keys(), {});
  return values;
}

template <typename Owner>
void compare_names(const std::vector<Owner>& before, const std::vector<Owner>& after, const std::string& prefix,
                   std::vector<std::string>& changes) {
  const auto missing = [](const std::vector<Owner>& owners, const std::string& name) {
    return std::none_of(owners.begin(), owners.end(), [&](const Owner& owner) { return owner.name == name; });
  };
  for (const Owner& owner : before) {
    if (missing(after, owner.name)) changes.push_back(prefix + owner.name + ": gone");
  }
  for (const Owner& owner : after) {
    if (missing(before, owner.name)) changes.push_back(prefix + owner.name + ": new");
  }
}

}  // namespace

Site site_from_values(const SiteValues& values) {
  Builder builder;
  for (const auto& [path, value] : values) builder.take(path, value);
  return std::move(builder).site();
}

std::vector<std::string> changes_between(const Site& before, const Site& after) {
  std::vector<std::string> changes, order, unused;
  compare_names(before.partitions, after.partitions, kPartition, changes);
  compare_names(before.qos, after.qos, kQos, changes);
  const auto old_values = facts_of(before, unused), new_values = facts_of(after, order);
  for (const std::string& path : order) {
    const auto old = old_values.find(path);
    const std::string& now = new_values.at(path);
    if (old != old_values.end() && old->second != now) {
      changes.push_back(str(path, ": ", old->second.empty() ? "-" : old->second, " -> ", now.empty() ? "-" : now));
    }
  }
  return changes;
}

}  // namespace trireme::slurm
