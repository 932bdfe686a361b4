// The parameters of a sweep, their conditions and constraints, and the points that these allow.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/sweep/domain.hpp"
#include "launcher/sweep/expression.hpp"

namespace trireme::launcher {

/// Parameters and their values as text, in the order of the [sweep] section. A parameter whose condition does not hold
/// is not among them.
using Assignment = std::vector<std::pair<std::string, std::string>>;

/// The value of `name`; nothing when it has none.
std::optional<std::string> value_in(const Assignment& assignment, const std::string& name);

struct SweptCondition {
  std::string name;  ///< of a parameter that stands before
  std::string value;
  bool equal = true;  ///< "=", else "!="

  /// False where the parameter has no value.
  bool holds(const Assignment& assignment) const;
};

/// One domain of a parameter, and when it counts.
struct Alternative {
  Domain domain;
  std::vector<SweptCondition> conditions;  ///< all must hold; none: always
};

struct SweptParameter {
  std::string name;
  std::vector<Alternative> alternatives;  ///< the first whose conditions hold counts
};

/// Parses "VALUES [if NAME = VALUE [and …]] [else …]". Throws base::InputError: Domain::parse()'s, and conditions that
/// are none, or name something else than one of `before`.
SweptParameter parse_parameter(const std::string& name, const std::string& text, NumberKind kind,
                               const std::vector<std::string>& before);

struct ParameterSpace {
  std::vector<SweptParameter> parameters;
  std::vector<Constraint> constraints;
};

/// The value of a name that is no parameter of the point: what the base run file says.
using BaseValue = std::function<std::optional<std::string>(const std::string& name)>;

/// Whether all constraints hold. Throws base::InputError when one of them needs a number and finds a word.
bool satisfies(const ParameterSpace& space, const Assignment& assignment, const BaseValue& base);

/// All combinations that the constraints allow; the last parameter changes fastest. Throws base::InputError for a
/// parameter that is an interval, and for more than `most` combinations.
std::vector<Assignment> product(const ParameterSpace& space, const BaseValue& base, std::size_t most);

/// The point at places(i) in [0, 1) along parameter i. Constraints are not asked.
Assignment point_at(const ParameterSpace& space, const std::function<double(std::size_t parameter)>& places);

}  // namespace trireme::launcher
