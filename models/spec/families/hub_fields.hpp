// The tables by which config.json is read and written: for each field of a class of public models, which key it is, or
// why it says nothing.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/json.hpp"
#include "models/spec/config.hpp"
#include "models/spec/families/hub_reader.hpp"

namespace trireme::spec {

/// The keys that a field sets.
using HubTarget =
    std::variant<std::int64_t ModelConfig::*, double ModelConfig::*, bool ModelConfig::*, Activation ModelConfig::*>;

/// What becomes of a field.
enum class HubUse {
  kRead,     ///< by its row: each of `targets` gets the value
  kCode,     ///< by the class's functions
  kIgnored,  ///< it changes no number
  kFixed,    ///< it must be `value`
};

struct HubField {
  std::string name;
  HubUse use = HubUse::kRead;
  std::vector<HubTarget> targets;  ///< all of one type
  base::Json value;                ///< kRead: where the field is absent, null if it is required. kFixed: as said
  bool nullable = false;           ///< null leaves what the config had: the value of another key, or none
  const char* about = "";          ///< for docs/hub.md
};

// Rows of kRead. A size, a number, a flag, an activation function; without `absent` the field is required.
HubField hub_size(const char* name, std::int64_t ModelConfig::*target, base::Json absent = nullptr);
HubField hub_number(const char* name, double ModelConfig::*target, base::Json absent = nullptr);
HubField hub_flag(const char* name, std::vector<bool ModelConfig::*> targets, bool absent);
HubField hub_activation(const char* name, const char* absent);
/// `row`, whose value may be null, or absent where it has no value for that: the key keeps what it had.
HubField nullable(HubField row, const char* about);
/// Rows of the other uses.
HubField hub_code(const char* name, const char* about);
HubField hub_ignored(const char* name, const char* about);
HubField hub_fixed(const char* name, base::Json value, const char* about);

/// The rows that every class has: what belongs to transformers itself, to tokens and to generation.
const std::vector<HubField>& common_hub_fields();

/// Sets the keys of the rows, and checks the fixed ones.
void read_fields(HubReader& reader, const std::vector<HubField>& fields, ModelConfig& config);
/// Adds a field for each row that has targets. A flag of several keys says the first one's value, and an activation
/// function that has no public name is left out: the caller reads the result back and compares.
void write_fields(const ModelConfig& config, const std::vector<HubField>& fields, base::Json& json);

/// transformers' names of activation functions; nothing for one that no family has.
std::optional<Activation> hub_activation_of(const std::string& word);

}  // namespace trireme::spec
