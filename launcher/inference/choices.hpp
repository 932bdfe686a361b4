// Choosing among continuations by their log-probabilities: arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trireme::launcher {

/// The place of the largest value, the first of equals. At least one value, none of them NaN.
std::size_t best_of(const std::vector<double>& values);

// Each log-probability divided by the length of its choice, as the text stands in the file. No choice is empty.
/// By Unicode code points.
std::vector<double> per_character(const std::vector<double>& logprobs, const std::vector<std::string>& choices);
/// By bytes of UTF-8.
std::vector<double> per_byte(const std::vector<double>& logprobs, const std::vector<std::string>& choices);

/// A share of questions.
struct Accuracy {
  std::uint64_t right = 0;
  std::uint64_t questions = 0;

  void add(bool is_right) {
    right += is_right ? 1 : 0;
    ++questions;
  }
  /// Nothing without questions.
  std::optional<double> share() const;
  /// The standard error of the share as an estimate: sqrt(share * (1 - share) / (questions - 1)), as
  /// lm-evaluation-harness gives it; nothing below two questions.
  std::optional<double> standard_error() const;
};

}  // namespace trireme::launcher
