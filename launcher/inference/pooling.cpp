#include "launcher/inference/pooling.hpp"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/error.hpp"
#include "base/json.hpp"

namespace trireme::launcher {

Pooling parse_pooling(const std::string& word) {
  if (word == "mean") return Pooling::kMean;
  if (word == "first") return Pooling::kFirst;
  if (word == "last") return Pooling::kLast;
  if (word == "pooler") return Pooling::kPooler;
  if (word == "none") return Pooling::kNone;
  throw base::InputError("--pooling is mean, first, last, pooler or none, not '" + word + "'");
}

std::vector<float> pooled(std::span<const float> hidden, std::size_t width, Pooling pooling) {
  const std::size_t tokens = hidden.size() / width;
  if (pooling != Pooling::kMean) {
    const auto row = hidden.subspan(pooling == Pooling::kLast ? (tokens - 1) * width : 0, width);
    return {row.begin(), row.end()};
  }
  std::vector<double> sums(width, 0.0);
  for (std::size_t i = 0; i < hidden.size(); ++i) sums[i % width] += static_cast<double>(hidden[i]);
  std::vector<float> result;
  for (const double sum : sums) result.push_back(static_cast<float>(sum / static_cast<double>(tokens)));
  return result;
}

void normalize(std::span<float> vector) {
  double squares = 0.0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  const double length = std::sqrt(squares);
  if (length == 0.0) return;
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) / length);
}

std::string vector_text(std::span<const float> vector) {
  std::string text = "[";
  for (const float value : vector) {
    if (text.size() > 1) text += ',';
    std::array<char, 32> digits{};
    if (std::isfinite(value)) {
      std::snprintf(digits.data(), digits.size(), "%.9g", static_cast<double>(value));
      text += digits.data();
    } else {
      text += base::format_double(value);
    }
  }
  return text + ']';
}

}  // namespace trireme::launcher
