// A constraint of a sweep: comparisons of sums and products of numbers and parameters.
//   model.hidden % model.heads = 0 and lr * layers <= 0.1
// Operators, from the loosest: or, and; not; = != < <= > >=; + -; * / %; a sign; parentheses.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace trireme::launcher {

class Constraint {
 public:
  /// Throws base::InputError that quotes the text and says what is wrong with it.
  explicit Constraint(const std::string& text);

  /// The names in it, in order, each once.
  const std::vector<std::string>& names() const { return names_; }
  const std::string& text() const { return text_; }

  /// Nothing for a name without a value: a parameter whose condition does not hold.
  using Lookup = std::function<std::optional<double>(const std::string& name)>;
  /// True also where a name has no value: the constraint does not concern that trial. Division by zero gives what
  /// IEEE 754 says, and a comparison with a NaN is false.
  bool holds(const Lookup& lookup) const;

  struct Node;

 private:
  std::string text_;
  std::vector<std::string> names_;
  std::shared_ptr<const Node> root_;
};

}  // namespace trireme::launcher
