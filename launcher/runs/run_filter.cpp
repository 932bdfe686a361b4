#include "launcher/runs/run_filter.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/number.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

constexpr std::array kFields = {"run", "user", "state", "note", "step", "steps", "loss", "attempt", "dataset"};
constexpr std::array<std::string_view, 7> kOperators = {"!=", "<=", ">=", "=", "<", ">", "~"};  // longer ones first

void check_key(const std::string& key) {
  if (std::ranges::find(kFields, key) != kFields.end()) return;
  if (key.find('.') != std::string::npos) {
    (void)options::find_key(key);
    return;
  }
  const std::string near = base::nearest(key, kFields);
  throw InputError(str("runs have no ", key, near.empty() ? "" : str("; did you mean ", near, "?"),
                       ": give a key of the run file (model.layers=12), or one of ",
                       base::join(std::vector<std::string>(kFields.begin(), kFields.end()))));
}

std::optional<std::string> value_of(const IndexedRun& run, const std::string& key) {
  if (key == "run") return run.path;
  if (key == "user") return run.user;
  if (key == "state") return run.state;
  if (key == "note") return run.note;
  if (key == "step") return std::to_string(run.step);
  if (key == "steps") return std::to_string(run.steps);
  if (key == "attempt") return std::to_string(run.attempt);
  if (key == "loss") return run.loss ? std::optional(base::format_double(*run.loss)) : std::nullopt;
  const auto option = run.option(key);
  return option ? std::optional(std::string(*option)) : std::nullopt;
}

bool holds(const std::string& op, const std::string& value, const std::string& wanted) {
  if (op == "~") return value.find(wanted) != std::string::npos;
  const auto number = options::parse_number(value), other = options::parse_number(wanted);
  if (op == "=" || op == "!=") {
    const bool equal = value == wanted || (number && other && *number == *other);
    return equal == (op == "=");
  }
  if (!number || !other) return false;
  if (op == "<") return *number < *other;
  if (op == "<=") return *number <= *other;
  return op == ">" ? *number > *other : *number >= *other;
}

bool dataset_matches(const Condition& condition, const IndexedRun& run) {
  const bool negated = condition.op == "!=";
  const std::string op = negated ? "=" : condition.op;
  const bool any = std::ranges::any_of(run.datasets, [&](const IndexedDataset& one) {
    return holds(op, one.name, condition.value) || holds(op, one.fingerprint, condition.value);
  });
  return any != negated;
}

}  // namespace

Condition parse_condition(const std::string& word) {
  const std::size_t at = word.find_first_of("=<>~!");
  const auto found = std::ranges::find_if(kOperators, [&](std::string_view op) {
    return at != std::string::npos && std::string_view(word).substr(at).starts_with(op);
  });
  if (at == 0 || found == kOperators.end()) {
    throw InputError(
        str("'", word, "' is no condition: write key=value, with =, !=, <, <=, >, >= or ~ (holds the text)"));
  }
  Condition condition{base::trimmed(word.substr(0, at)), std::string(*found),
                      base::trimmed(word.substr(at + found->size()))};
  check_key(condition.key);
  const bool ordered = condition.op.starts_with('<') || condition.op.starts_with('>');
  if (ordered && !options::parse_number(condition.value)) {
    throw InputError(str(word, ": ", condition.value, " is no number, so nothing can be above or below it"));
  }
  return condition;
}

bool matches(const Condition& condition, const IndexedRun& run) {
  if (condition.key == "dataset") return dataset_matches(condition, run);
  const auto value = value_of(run, condition.key);
  return value ? holds(condition.op, *value, condition.value) : condition.op == "!=";
}

}  // namespace trireme::launcher
