#include "launcher/inference/choices.hpp"

#include <algorithm>
#include <cmath>

namespace trireme::launcher {

std::size_t best_of(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<double> per_character(const std::vector<double>& logprobs, const std::vector<std::string>& choices) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  std::vector<double> result;
  for (std::size_t i = 0; i < logprobs.size(); ++i) {
    result.push_back(logprobs[i] / static_cast<double>(std::ranges::count_if(choices[i], begins)));
  }
  return result;
}

std::vector<double> per_byte(const std::vector<double>& logprobs, const std::vector<std::string>& choices) {
  std::vector<double> result;
  for (std::size_t i = 0; i < logprobs.size(); ++i) {
    result.push_back(logprobs[i] / static_cast<double>(choices[i].size()));
  }
  return result;
}

std::optional<double> Accuracy::share() const {
  if (questions == 0) return std::nullopt;
  return static_cast<double>(right) / static_cast<double>(questions);
}

std::optional<double> Accuracy::standard_error() const {
  if (questions < 2) return std::nullopt;
  return std::sqrt(*share() * (1.0 - *share()) / static_cast<double>(questions - 1));
}

}  // namespace trireme::launcher
