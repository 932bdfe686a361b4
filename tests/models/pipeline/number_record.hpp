// A text file of recorded numbers: the kind of machine that they were made on, and one line for each case.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tests/models/pipeline/layout_numbers.hpp"

namespace trireme::tests {

/// What the bits of a result depend on beside our code, in one line: the processor, the instruction sets that are used
/// on it, who computes fp32 products, and the versions of libraries and compiler.
std::string kind_of_machine();

/// Compares numbers with recorded ones: bit for bit on a machine of the recorded kind. Elsewhere losses and gradient
/// norms must agree within the case's tolerance and hashes are not compared. Errors are base::Error naming the file.
class NumberRecord {
 public:
  /// Reads the file.
  static NumberRecord read(const std::filesystem::path& file);
  /// Starts an empty record of this machine.
  NumberRecord() : kind_(kind_of_machine()) {}

  void add(const LayoutCase& one, const Numbers& numbers);
  void write(const std::filesystem::path& file) const;

  /// Whether this machine is of the recorded kind.
  bool exact() const { return kind_ == kind_of_machine(); }
  const std::string& kind() const { return kind_; }
  std::size_t size() const { return numbers_.size(); }
  bool has(const LayoutCase& one) const;
  /// Returns "" when the numbers agree, otherwise what differs first.
  std::string difference(const LayoutCase& one, const Numbers& here) const;

 private:
  std::string kind_;
  std::map<std::string, Numbers> numbers_;  ///< by describe()
};

}  // namespace trireme::tests
