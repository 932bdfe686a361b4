#include "launcher/report/run_metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/json.hpp"
#include "base/lines.hpp"
#include "base/printable.hpp"
#include "launcher/run_directory/line_values.hpp"
#include "launcher/run_directory/metrics_line.hpp"
#include "launcher/run_directory/trained_hours.hpp"

namespace trireme::launcher {
namespace {

// What a field is to a report.
enum class Meaning { kCurve, kStep, kTime, kTokens, kTokensAndCurve, kSeconds, kSaving, kNothing };

Meaning meaning_of(std::string_view field, MetricsWriter writer) {
  if (field == "step") return Meaning::kStep;
  if (field == "time") return Meaning::kTime;
  if (writer == MetricsWriter::kProgram) {  // of its other names only these have a meaning (docs/program.md)
    if (field == "tokens") return Meaning::kTokensAndCurve;
    return field == "steps" || field == "saved_step" ? Meaning::kNothing : Meaning::kCurve;
  }
  if (field == "tokens") return Meaning::kTokens;
  if (field == "seconds") return Meaning::kSeconds;
  if (field == "saving_seconds") return Meaning::kSaving;
  constexpr std::array<std::string_view, 5> counters = {"samples", "steps", "saved_step", "skipped_steps",
                                                        "valid_tokens"};
  return std::ranges::find(counters, field) != counters.end() ? Meaning::kNothing : Meaning::kCurve;
}

std::string shortened(std::string text) {
  if (text.size() <= kLongestSample) return text;
  std::size_t end = kLongestSample;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not within a character
  text.resize(end);
  return text + " …";
}

class Reader {
 public:
  Reader(const std::vector<double>& starts, std::size_t most_buckets, MetricsWriter writer)
      : most_buckets_(most_buckets),
        writer_(writer),
        values_(LineValues::Limits{.most_fields = kMostFields,
                                   .longest_name = kLongestField,
                                   .kept = {"loss", "valid_loss", "time", "tokens", "seconds"}}),
        metrics_{.positions = Positions(starts)} {}

  void take_line(std::string_view line) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    ++metrics_.lines;
    if (!values_.read(line)) {
      ++metrics_.damaged;
      return;
    }
    learn_fields();
    if (values_.step()) step_ = *values_.step();
    if (step_ < 0) return;
    take_values();
    if (values_.has_text()) take_sample(line);
  }

  void take_long_line() {
    ++metrics_.lines;
    ++metrics_.damaged;
  }

  RunMetrics finish() {
    metrics_.dropped_fields = values_.dropped();
    if (metrics_.saves.size() > kMostSaves) keep_longest_saves();
    std::erase_if(metrics_.curves,
                  [](const NamedCurve& named) { return named.curve.count() + named.curve.gaps() == 0; });
    return std::move(metrics_);
  }

 private:
  void learn_fields() {
    for (std::size_t i = meanings_.size(); i < values_.fields().size(); ++i) {
      const std::string& field = values_.fields()[i];
      meanings_.push_back(meaning_of(field, writer_));
      metrics_.curves.push_back({field, Curve(most_buckets_)});
    }
  }

  void take_values() {
    std::optional<double> time, tokens, seconds, saving;
    for (const LineValues::Value& value : values_.values()) {
      if (std::isnan(value.number)) continue;
      const Meaning meaning = meanings_[value.field];
      if (meaning == Meaning::kTime && value.number >= kFirstTime) time = value.number;
      if (meaning == Meaning::kTokens || meaning == Meaning::kTokensAndCurve) tokens = value.number;
      if (meaning == Meaning::kSeconds) seconds = value.number;
      if (meaning == Meaning::kSaving) saving = value.number;
    }
    metrics_.positions.add(step_, tokens, time);
    if (seconds) metrics_.step_times.add(step_, *seconds);
    if (saving && time && *saving > 0) take_save({*time, *saving});
    for (const LineValues::Value& value : values_.values()) {
      const Meaning meaning = meanings_[value.field];
      const bool other_time = meaning == Meaning::kTime && value.number < kFirstTime;
      const bool curve =
          meaning == Meaning::kCurve || meaning == Meaning::kTokensAndCurve || meaning == Meaning::kSaving;
      if (curve || other_time) metrics_.curves[value.field].curve.add(step_, value.number);
    }
  }

  void take_save(SaveMark save) {
    metrics_.saves.push_back(save);
    if (metrics_.saves.size() < 2 * kMostSaves) return;
    keep_longest_saves();
  }

  void keep_longest_saves() {
    std::ranges::sort(metrics_.saves, std::greater<>(), &SaveMark::seconds);
    metrics_.saves.resize(kMostSaves);
  }

  void take_sample(std::string_view line) {
    const base::Json json = parse_metrics_line(line);
    if (!json.contains("sample_text")) return;
    const auto text_of = [&](const char* name) {
      const auto found = json.find(name);
      return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    std::vector<TextSample>& samples = metrics_.samples;
    const auto words_of = [&](const char* name) {
      return base::printable(shortened(text_of(name)), base::Keep::kNewlinesAndTabs);
    };
    TextSample now{step_, words_of("sample_prompt"), words_of("sample_text")};
    std::erase_if(samples, [&](const TextSample& sample) {  // what was done again
      return sample.step > step_ || (sample.step == step_ && sample.prompt == now.prompt);
    });
    samples.push_back(std::move(now));
    if (samples.size() > kMostSamples) thin_samples();
  }

  // Leaves out every second step between the first and the last; of a single step, its last samples.
  void thin_samples() {
    std::vector<std::int64_t> steps;
    for (const TextSample& sample : metrics_.samples) {
      if (steps.empty() || steps.back() != sample.step) steps.push_back(sample.step);
    }
    if (steps.size() < 3) {
      metrics_.samples.resize(kMostSamples);
      return;
    }
    std::erase_if(metrics_.samples, [&](const TextSample& sample) {
      const auto at = std::ranges::find(steps, sample.step) - steps.begin();
      return at % 2 == 1 && sample.step != steps.back();
    });
  }

  std::size_t most_buckets_;
  MetricsWriter writer_;
  LineValues values_;
  std::vector<Meaning> meanings_;
  RunMetrics metrics_;
  std::int64_t step_ = -1;  // before the first
};

}  // namespace

RunMetrics read_metrics(base::FileSystem& files, const std::filesystem::path& path, const std::vector<double>& starts,
                        std::size_t most_buckets, MetricsWriter writer) {
  Reader reader(starts, most_buckets, writer);
  if (!files.exists(path)) return reader.finish();
  const auto file = files.open_own(path, base::OpenMode::kRead);
  base::LineReader lines(*file);
  bool within = false;  // a line of which a piece was read already
  for (base::Line line; lines.next(line);) {
    if (line.whole) {
      reader.take_line(line.text);
    } else if (!within && !line.torn) {
      reader.take_long_line();
    }
    within = line.end - line.begin == line.text.size();
  }
  return reader.finish();
}

}  // namespace trireme::launcher
