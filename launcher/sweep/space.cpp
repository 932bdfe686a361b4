#include "launcher/sweep/space.hpp"

#include <algorithm>
#include <cctype>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "base/words.hpp"
#include "launcher/options/number.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using base::trimmed;

// Splits at a word that stands alone outside double quotes.
std::vector<std::string> split_at_word(const std::string& text, const std::string& word) {
  const auto is_space = [&](std::size_t i) { return i >= text.size() || text[i] == ' ' || text[i] == '\t'; };
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
    const bool begins = !quoted && (i == 0 || is_space(i - 1)) && is_space(i + word.size());
    if (begins && text.compare(i, word.size(), word) == 0) {
      parts.emplace_back();
      i += word.size() - 1;
    } else {
      parts.back() += text[i];
    }
  }
  for (std::string& part : parts) part = trimmed(part);
  return parts;
}

bool same(const std::string& a, const std::string& b) {
  const auto left = options::parse_number(a), right = options::parse_number(b);
  return left && right ? *left == *right : a == b;
}

SweptCondition parse_condition(const std::string& parameter, const std::string& text,
                               const std::vector<std::string>& before) {
  const std::size_t at = text.find('=');
  const bool equal = at == 0 || at == std::string::npos || text[at - 1] != '!';
  if (at == std::string::npos || at == 0) {
    throw InputError(
        str("[sweep] ", parameter, ": 'if ", text, "' is no condition; write it as in: if model.arch = llama"));
  }
  const std::size_t value = at + 1 < text.size() && text[at + 1] == '=' ? at + 2 : at + 1;  // == is the same
  SweptCondition condition{trimmed(text.substr(0, equal ? at : at - 1)),
                           base::ini_unquoted(trimmed(text.substr(value))), equal};
  if (std::ranges::count(before, condition.name) == 0) {
    const std::string near = base::nearest(condition.name, before);
    throw InputError(str("[sweep] ", parameter, ": the condition names ", condition.name,
                         ", which is no parameter that stands before it",
                         near.empty() ? "" : ", did you mean " + near + "?"));
  }
  return condition;
}

Alternative parse_alternative(const std::string& name, const std::string& text, NumberKind kind,
                              const std::vector<std::string>& before) {
  const auto parts = split_at_word(text, "if");
  if (parts.size() > 2) throw InputError(str("[sweep] ", name, " has two conditions: join them with 'and'"));
  Alternative alternative{Domain::parse(name, parts[0], kind), {}};
  if (parts.size() == 2) {
    for (const std::string& condition : split_at_word(parts[1], "and")) {
      alternative.conditions.push_back(parse_condition(name, condition, before));
    }
  }
  return alternative;
}

const Alternative* active(const SweptParameter& parameter, const Assignment& assignment) {
  for (const Alternative& alternative : parameter.alternatives) {
    const auto holds = [&](const SweptCondition& condition) { return condition.holds(assignment); };
    if (std::ranges::all_of(alternative.conditions, holds)) return &alternative;
  }
  return nullptr;
}

struct Product {
  const ParameterSpace& space;
  const BaseValue& base;
  std::size_t most;
  std::vector<Assignment> found = {};
  Assignment current = {};

  void extend(std::size_t index) {
    if (index == space.parameters.size()) {
      if (!satisfies(space, current, base)) return;
      found.push_back(current);
      if (found.size() > most) {
        throw InputError(
            str("[sweep] has more than ", most, " combinations: name fewer values, or set method = sobol"));
      }
      return;
    }
    const SweptParameter& parameter = space.parameters[index];
    const Alternative* alternative = active(parameter, current);
    if (alternative == nullptr) return extend(index + 1);
    if (!alternative->domain.is_list()) {
      throw InputError(str("[sweep] ", parameter.name, " is an interval, which has no combinations: list its values, ",
                           "or set method = random or sobol and trials"));
    }
    for (const std::string& value : alternative->domain.values()) {
      current.emplace_back(parameter.name, value);
      extend(index + 1);
      current.pop_back();
    }
  }
};

}  // namespace

std::optional<std::string> value_in(const Assignment& assignment, const std::string& name) {
  for (const auto& [key, value] : assignment) {
    if (key == name) return value;
  }
  return std::nullopt;
}

bool SweptCondition::holds(const Assignment& assignment) const {
  const auto found = value_in(assignment, name);
  return found && same(*found, value) == equal;
}

SweptParameter parse_parameter(const std::string& name, const std::string& text, NumberKind kind,
                               const std::vector<std::string>& before) {
  SweptParameter parameter{name, {}};
  for (const std::string& part : split_at_word(text, "else")) {
    if (!parameter.alternatives.empty() && parameter.alternatives.back().conditions.empty()) {
      throw InputError(str("[sweep] ", name, ": what stands before 'else' needs a condition, as in: 1, 2 if x = y"));
    }
    parameter.alternatives.push_back(parse_alternative(name, part, kind, before));
  }
  return parameter;
}

bool satisfies(const ParameterSpace& space, const Assignment& assignment, const BaseValue& base) {
  for (const Constraint& constraint : space.constraints) {
    const auto lookup = [&](const std::string& name) -> std::optional<double> {
      std::optional<std::string> text = value_in(assignment, name);
      if (!text) text = base(name);
      if (!text) return std::nullopt;
      const auto number = options::parse_number(*text);
      if (number) return number;
      throw InputError(str("[sweep] constraint '", constraint.text(), "' needs numbers, but ", name, " is ", *text));
    };
    if (!constraint.holds(lookup)) return false;
  }
  return true;
}

std::vector<Assignment> product(const ParameterSpace& space, const BaseValue& base, std::size_t most) {
  Product product{space, base, most};
  product.extend(0);
  return product.found;
}

Assignment point_at(const ParameterSpace& space, const std::function<double(std::size_t)>& places) {
  Assignment assignment;
  for (std::size_t i = 0; i < space.parameters.size(); ++i) {
    const SweptParameter& parameter = space.parameters[i];
    if (const Alternative* alternative = active(parameter, assignment)) {
      assignment.emplace_back(parameter.name, alternative->domain.at(places(i)));
    }
  }
  return assignment;
}

}  // namespace trireme::launcher
