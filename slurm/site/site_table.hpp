// The table of a site file's keys. Reading, writing, comments and JSON all come from it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/json.hpp"
#include "slurm/site/site.hpp"

namespace trireme::slurm {

/// How a value is written.
enum class Form {
  kPlain,     ///< numbers, names, yes or no; lists with commas
  kShell,     ///< words for a shell, with quotes
  kDuration,  ///< seconds, as Slurm writes times: "2-00:00:00"
  kLines,     ///< one line of the file for each item; the key may come several times
  kWords,     ///< words separated by spaces; the key may come several times
};

/// A key of a section whose values are members of an Owner (Site, Partition or Qos).
template <typename Owner>
struct SiteKey {
  using Member =
      std::variant<std::string Owner::*, bool Owner::*, std::int64_t Owner::*, std::optional<std::int64_t> Owner::*,
                   std::optional<bool> Owner::*, std::vector<std::string> Owner::*,
                   std::map<std::string, double> Owner::*, PreemptMode Owner::*, std::vector<NodeKind> Owner::*>;

  std::string name;
  Member member;
  std::string comment;  ///< unit and meaning, for the person who reads the file
  Form form = Form::kPlain;
};

/// The keys of [slurm], [mpi], [needs], [partition.NAME] and [qos.NAME].
const std::vector<SiteKey<Site>>& slurm_keys();
const std::vector<SiteKey<Site>>& mpi_keys();
const std::vector<SiteKey<Site>>& needs_keys();
const std::vector<SiteKey<Partition>>& partition_keys();
const std::vector<SiteKey<Qos>>& qos_keys();

/// Returns the text after "key = ", one for each line of the file (several only for kLines). "" when empty; "unlimited"
/// for a limit that is not set, "unset" for any other missing number, "unknown" for a yes or no that is not known.
template <typename Owner>
std::vector<std::string> texts_of(const Owner& owner, const SiteKey<Owner>& key);

/// Reads one such text; kLines and kWords add to what is there. Throws base::InputError that says what was expected and
/// found.
template <typename Owner>
void set_text(Owner& owner, const SiteKey<Owner>& key, const std::string& text);

/// Converts to JSON: numbers (durations in seconds), true or false, lists and objects; null for a limit that is not set
/// and for what is unknown.
template <typename Owner>
base::Json json_of(const Owner& owner, const SiteKey<Owner>& key);

}  // namespace trireme::slurm
