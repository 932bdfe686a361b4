#include "launcher/report/layouts.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/error.hpp"
#include "launcher/options/resolve.hpp"
#include "launcher/report/pipeline_timing.hpp"

namespace trireme::launcher {
namespace {

constexpr std::string_view kDot = "·";
constexpr int kMostRanks = 1 << 20;
constexpr std::ptrdiff_t kMostLayouts = 100, kMostRanges = 100;  // the newest ones are told

// A layout, and the attempts that had it as ranges of their numbers.
struct Used {
  topology::Degrees degrees;
  std::size_t attempts = 0;
  std::vector<std::pair<int, int>> ranges;

  void add(const topology::Degrees& had, int attempt) {
    degrees = had;
    ++attempts;
    if (ranges.empty() || ranges.back().second + 1 != attempt) ranges.emplace_back(attempt, attempt);
    ranges.back().second = attempt;
  }
};

// Takes "pp2" at the beginning of the text.
bool take_degree(std::string_view& text, topology::Degrees& degrees) {
  if (text.size() < 3) return false;
  const std::string_view axis = text.substr(0, 2);
  int* degree = axis == "tp" ? &degrees.tp : axis == "cp" ? &degrees.cp : axis == "dp" ? &degrees.dp : &degrees.pp;
  if (degree == &degrees.pp && axis != "pp") return false;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), *degree);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc() && *degree > 0 && *degree <= kMostRanks;
}

base::Json degrees_json(const topology::Degrees& degrees) {
  return {{"tp", degrees.tp}, {"cp", degrees.cp}, {"dp", degrees.dp}, {"pp", degrees.pp}};
}

std::optional<options::Resolved> resolved(const RunFacts& facts, const options::RunOptions& options) {
  if (facts.attempts.empty()) return std::nullopt;
  const slurm::AttemptStart& newest = facts.attempts.back().start;
  try {
    return options::resolve(options, {.world_size = newest.ranks, .cuda = newest.gpus});
  } catch (const base::Error&) {
    return std::nullopt;  // a file of another version, or one that was edited
  }
}

}  // namespace

std::optional<topology::Degrees> parse_degrees(const std::string& text) {
  topology::Degrees degrees;
  if (text == topology::to_string(degrees)) return degrees;
  std::string_view rest = text;
  while (take_degree(rest, degrees)) {
    if (rest.empty()) break;
    if (!rest.starts_with(kDot)) return std::nullopt;
    rest.remove_prefix(kDot.size());
    if (rest.empty()) return std::nullopt;
  }
  if (!rest.empty()) return std::nullopt;
  double ranks = 1;
  for (const int degree : {degrees.tp, degrees.cp, degrees.dp, degrees.pp}) ranks *= degree;
  return ranks > 1 && ranks <= kMostRanks ? std::optional(degrees) : std::nullopt;
}

base::Json layouts_json(const RunFacts& facts, const options::RunOptions& options) {
  std::map<std::string, Used> by_text;
  for (const slurm::Attempt& attempt : facts.attempts) {
    const auto degrees = parse_degrees(attempt.start.layout);
    if (degrees) by_text[attempt.start.layout].add(*degrees, attempt.number);
  }
  std::vector<std::pair<std::string, Used>> all(by_text.begin(), by_text.end());
  std::ranges::sort(all, {}, [](const auto& layout) { return layout.second.ranges.back().second; });
  if (all.size() > kMostLayouts) all.erase(all.begin(), all.end() - kMostLayouts);
  base::Json layouts = base::Json::array();
  for (const auto& [text, used] : all) {
    const auto first = used.ranges.end() - std::min<std::ptrdiff_t>(kMostRanges, std::ssize(used.ranges));
    layouts.push_back({{"text", text},
                       {"degrees", degrees_json(used.degrees)},
                       {"attempt_count", used.attempts},
                       {"attempts", std::vector(first, used.ranges.end())}});
  }
  const auto newest = resolved(facts, options);
  if (newest && !layouts.empty() && layouts.back().at("text") == topology::to_string(newest->degrees)) {
    layouts.back()["pipeline"] = pipeline_json(newest->plan);
  }
  return layouts;
}

}  // namespace trireme::launcher
