// The values that one parameter of a sweep may take, as a run file's [sweep] section writes them:
//   8, 16, 32            a list (quotes around a value that holds a comma)
//   choice a, b          the same
//   range 1 5 2          1, 3, 5: from, to (included), step
//   uniform 0.1 0.5      a real number, drawn evenly
//   loguniform 1e-4 1e-2 a real number whose logarithm is drawn evenly
// A draw from integers is an integer, both ends included.
#pragma once

#include <string>
#include <vector>

namespace trireme::launcher {

/// What kind of values a parameter has.
enum class NumberKind {
  kByText,   ///< integers when both ends are written as integers: a parameter of a [program] run
  kInteger,  ///< a run key that holds whole numbers
  kReal,     ///< a run key that holds real numbers
};

class Domain {
 public:
  /// Throws base::InputError that names `parameter`: nothing to choose from, ends that are no numbers or in the wrong
  /// order, a logarithm of 0, a step that leads nowhere.
  static Domain parse(const std::string& parameter, const std::string& text, NumberKind kind);

  /// Whether there are only so many values.
  bool is_list() const { return !values_.empty(); }
  const std::vector<std::string>& values() const { return values_; }
  /// The value at `place`, a number in [0, 1). Real numbers have 6 significant digits.
  std::string at(double place) const;

 private:
  std::vector<std::string> values_;  ///< of a list
  double low_ = 0, high_ = 0;        ///< of an interval
  bool logarithmic_ = false;
  bool integer_ = false;
};

}  // namespace trireme::launcher
