// The table of all keys of a run file. Parsing, --help, docs/options.md and the resolved file all come from it.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Where a key's value lies in a RunOptions.
template <typename Value>
using FieldOf = std::function<Value&(RunOptions&)>;
using Field =
    std::variant<FieldOf<std::int64_t>, FieldOf<double>, FieldOf<bool>, FieldOf<std::string>,
                 FieldOf<std::optional<std::int64_t>>, FieldOf<std::optional<double>>, FieldOf<std::optional<bool>>,
                 // choices and lists of a model's properties
                 FieldOf<std::optional<spec::NormKind>>, FieldOf<std::optional<spec::NormPlace>>,
                 FieldOf<std::optional<spec::Positions>>, FieldOf<std::optional<spec::Mask>>,
                 FieldOf<std::optional<spec::QkNorm>>, FieldOf<std::optional<spec::Activation>>,
                 FieldOf<std::optional<spec::PerLayer<std::int64_t>>>, FieldOf<std::optional<spec::PerLayer<double>>>,
                 FieldOf<std::optional<spec::PerLayer<spec::RopeScaling>>>>;

struct Key {
  std::string section;
  std::string name;
  Field field;
  std::string unit;  ///< "" = a pure number or a word
  std::string help;
  std::string default_words;  ///< shown when the default depends on other keys
  std::vector<std::string> allowed = {};
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;
  bool high_excluded = false;

  std::string path() const { return section + "." + name; }
};

/// All keys but those of groups, whose names the run file gives (group_keys.hpp), in the order of the run file.
const std::vector<Key>& key_table();

/// Whether quotes belong to the key's value, as in lists (data.train) and in words for a shell (slurm.extra). A run
/// file holds such a value as it is; any other value may be in double quotes there (base::ini_quoted).
bool holds_quotes(const Key& key);

/// Finds a key, also of a group. Throws base::InputError naming section and key, and the nearest ones that exist.
Key find_key(const std::string& path);

/// Parses the text, checks allowed values and range, and stores the value. "auto" means the default of a key that
/// depends on others. Throws base::InputError naming the key.
void set_value(RunOptions& options, const Key& key, const std::string& text);

/// Returns the value as text, without quotes around it; nothing for an empty optional or text, or when the key's group
/// is not there.
std::optional<std::string> value_of(const RunOptions& options, const Key& key);

/// The default as text: "1", "bf16 on a GPU, fp32 on a CPU", "-" when there is none.
std::string default_of(const Key& key);

/// What --help shows in the place of the value: "N", "X", "true|false", "a|b|c", "TEXT".
std::string value_name_of(const Key& key);

/// The range as text: "at least 1", "above 0"; "" when any value is allowed or the allowed words say it all.
std::string range_of(const Key& key);

}  // namespace trireme::options
