#include "launcher/repeat/loss_check.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/lines.hpp"
#include "launcher/run_directory/metrics_line.hpp"

namespace trireme::launcher {
namespace {

using base::str;

constexpr std::size_t kMost = 10'000'000;  // steps held in memory

std::string number(const std::optional<double>& loss) { return loss ? base::format_double(*loss) : "not finite"; }

bool equal_bits(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b) return !a && !b;
  return std::bit_cast<std::uint64_t>(*a) == std::bit_cast<std::uint64_t>(*b);
}

double difference(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a || !b) return a.has_value() == b.has_value() ? 0.0 : INFINITY;
  return std::abs(*a - *b) / std::max({std::abs(*a), std::abs(*b), 1e-300});
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

}  // namespace

Losses losses_of(base::FileSystem& files, const std::filesystem::path& run_directory, std::int64_t after,
                 std::int64_t last) {
  Losses losses;
  const std::filesystem::path path = run_directory / "metrics.jsonl";
  if (!files.exists(path)) return losses;
  const auto file = files.open_own(path, base::OpenMode::kRead);
  base::LineReader lines(*file);
  for (base::Line line; lines.next(line) && losses.size() < kMost;) {
    if (!line.whole) continue;
    const auto known = read_metrics_line(line.text);
    if (!known || known->validated || known->step <= after || known->step > last) continue;
    const base::Json json = parse_metrics_line(line.text);
    if (!json.is_object() || !json.contains("loss")) continue;
    const base::Json& loss = json.at("loss");
    losses[known->step] = loss.is_number() ? std::optional(loss.get<double>()) : std::nullopt;
  }
  return losses;
}

double rounding_bound(const std::string& precision) {
  if (precision == "fp64") return 1e-9;
  return precision == "bf16" ? 1e-2 : 1e-3;
}

LossCheck compare_losses(const Losses& there, const Losses& here, const Comparable& comparable, std::int64_t asked,
                         double bound) {
  LossCheck check;
  check.bound = bound;
  check.missing = std::ranges::count_if(
      there, [&](const auto& one) { return one.first <= comparable.rounding && !here.contains(one.first); });
  std::string first;
  double largest = 0;
  std::int64_t largest_at = 0;
  for (const auto& [step, loss] : here) {
    const auto other = there.find(step);
    if (other == there.end() || step > comparable.rounding) continue;
    const double far = difference(other->second, loss);
    if (step > comparable.bits) {
      ++check.rounded;
      check.largest = std::max(check.largest, far);
      continue;
    }
    ++check.compared;
    if (equal_bits(other->second, loss)) {
      ++check.equal;
      continue;
    }
    if (first.empty())
      first = str("first at step ", step, ": ", number(other->second), " there, ", number(loss), " here");
    if (far >= largest) {
      largest = far;
      largest_at = step;
    }
  }
  check.text = str(check.equal, " of ", check.compared, " losses bit-equal");
  if (!first.empty())
    check.text +=
        str("; they differ ", first, "; most at step ", largest_at, ", by ", short_number(largest), " of the loss");
  if (check.rounded > 0) {
    check.text += str("; after step ", comparable.bits, ", where the run changed, ", check.rounded,
                      check.largest <= bound ? " agree to rounding, within " : " differ by up to ",
                      short_number(check.largest), " of the loss");
    if (check.largest > bound) check.text += str(", more than rounding explains (", short_number(bound), ")");
  }
  if (check.missing > 0) {
    check.text += str("; ", check.missing, check.missing == 1 ? " step is" : " steps are",
                      " missing here: the repeated run ended before");
  }
  if (const std::int64_t rest = asked - check.compared - check.rounded - check.missing; rest > 0) {
    check.text += str("; ", rest, rest == 1 ? " step" : " steps", " of the ", asked,
                      " asked for cannot be compared, since the run has none like it");
  }
  return check;
}

}  // namespace trireme::launcher
