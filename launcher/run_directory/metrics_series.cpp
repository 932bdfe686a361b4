#include "launcher/run_directory/metrics_series.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/json.hpp"
#include "base/lines.hpp"
#include "launcher/run_directory/metrics_line.hpp"

namespace trireme::launcher {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Earlier versions of Trireme wrote base::format_double()'s words.
bool is_not_finite(std::string_view text) { return text == "nan" || text == "inf" || text == "-inf"; }

// What a line says of the wanted fields.
struct ParsedLine {
  std::optional<std::int64_t> step;
  double time = kNone;
  double tokens = kNone;
  std::vector<std::pair<std::size_t, double>> values;  // field, value
};

// What becomes of a name.
struct Name {
  enum class Use { kIgnored, kField, kStep };
  std::string text;
  bool comparable = false;  // with the bytes of a file: nothing in it is escaped there, and the padding is longer
  Use use = Use::kIgnored;
  std::size_t field = 0;
  double ParsedLine::*also = nullptr;  // time and tokens place every row
};

// Parses lines one by one. Lines of one kind have the same names in the same order, so each name is first compared with
// the one that the line before had there.
class LineParser {
 public:
  explicit LineParser(const std::vector<std::string>& wanted) : all_(wanted.empty()) {
    for (const char* name : {"step", "time", "tokens"}) add_name(name);
    for (const std::string& name : wanted) {
      if (name != "step") use_as_field(names_[index_of(name)]);
    }
  }

  // False for a line to be passed over.
  bool parse(std::string_view text) {
    clear();
    if (parse_quickly(text)) return true;
    if (bad_step_) return false;
    clear();
    return parse_thoroughly(text);
  }
  const ParsedLine& line() const { return line_; }
  const std::vector<std::string>& fields() const { return fields_; }

 private:
  void clear() {
    line_.step.reset();
    line_.time = line_.tokens = kNone;
    line_.values.clear();
    bad_step_ = false;
  }

  std::size_t add_name(std::string_view text) {
    Name name;
    name.text = text;
    name.comparable =
        text.find_first_of("\"\\") == std::string_view::npos && text.size() + 1 < simdjson::SIMDJSON_PADDING;
    if (text == "step") name.use = Name::Use::kStep;
    if (text == "time") name.also = &ParsedLine::time;
    if (text == "tokens") name.also = &ParsedLine::tokens;
    indices_.emplace(name.text, names_.size());
    names_.push_back(std::move(name));
    return names_.size() - 1;
  }

  std::size_t index_of(std::string_view text) {
    const auto found = indices_.find(std::string(text));
    return found != indices_.end() ? found->second : add_name(text);
  }

  void use_as_field(Name& name) {
    if (name.use == Name::Use::kField) return;
    name.use = Name::Use::kField;
    name.field = fields_.size();
    fields_.push_back(name.text);
  }

  void add_value(Name& name, double value) {
    if (name.use == Name::Use::kIgnored && all_) use_as_field(name);
    if (name.use == Name::Use::kField) line_.values.emplace_back(name.field, value);
    if (name.also != nullptr) line_.*name.also = value;
  }

  // Compares the bytes in the file with the name that stood at this place in the line before.
  bool is_expected(const char* raw, std::size_t place) const {
    if (place >= expected_.size()) return false;
    const Name& name = names_[expected_[place]];
    return name.comparable && std::memcmp(raw, name.text.data(), name.text.size()) == 0 && raw[name.text.size()] == '"';
  }

  bool name_at(ondemand::field& field, std::size_t place, std::size_t& index) {
    if (is_expected(field.key().raw(), place)) {
      index = expected_[place];
      return true;
    }
    std::string_view text;
    if (field.unescaped_key().get(text) != simdjson::SUCCESS) return false;
    index = index_of(text);
    if (place >= expected_.size()) expected_.resize(place + 1);
    expected_[place] = index;
    return true;
  }

  bool take(ondemand::value value, Name& name) {
    if (name.use == Name::Use::kStep) {
      std::int64_t step = 0;
      bad_step_ = value.get_int64().get(step) != simdjson::SUCCESS;
      if (!bad_step_) line_.step = step;
      return !bad_step_;
    }
    if (name.use == Name::Use::kIgnored && !all_ && name.also == nullptr) return true;
    ondemand::json_type type{};
    if (value.type().get(type) != simdjson::SUCCESS) return false;
    if (type == ondemand::json_type::number) {
      double number = 0;
      if (value.get_double().get(number) != simdjson::SUCCESS) return false;
      add_value(name, number);
    } else if (type == ondemand::json_type::null) {
      bool null = false;
      if (value.is_null().get(null) != simdjson::SUCCESS || !null) return false;
      add_value(name, kNone);
    } else if (type == ondemand::json_type::string) {
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS) return false;
      if (is_not_finite(text)) add_value(name, kNone);
    }
    return true;
  }

  bool parse_quickly(std::string_view text) {
    padded_.assign(text);
    padded_.resize(text.size() + simdjson::SIMDJSON_PADDING);
    ondemand::document document;
    ondemand::object object;
    const simdjson::padded_string_view padded(padded_.data(), text.size(), padded_.size());
    if (parser_.iterate(padded).get(document) != simdjson::SUCCESS) return false;
    if (document.get_object().get(object) != simdjson::SUCCESS) return false;
    std::size_t place = 0;
    for (auto item : object) {
      ondemand::field field;
      std::size_t name = 0;
      if (std::move(item).get(field) != simdjson::SUCCESS) return false;
      if (!name_at(field, place++, name) || !take(field.value(), names_[name])) return false;
    }
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;  // nothing follows the object
  }

  // The library knows no NaN and no Infinity, which Python writes.
  bool parse_thoroughly(std::string_view text) {
    const base::Json json = parse_metrics_line(text);
    if (!json.is_object()) return false;
    for (const auto& [key, value] : json.items()) {
      Name& name = names_[index_of(key)];
      if (name.use == Name::Use::kStep) {
        if (!value.is_number_integer()) return false;
        line_.step = value.get<std::int64_t>();
      } else if (value.is_number() || value.is_null()) {
        add_value(name, value.is_number() ? value.get<double>() : kNone);
      } else if (value.is_string() && is_not_finite(value.get_ref<const std::string&>())) {
        add_value(name, kNone);
      }
    }
    return true;
  }

  bool all_;
  bool bad_step_ = false;
  ParsedLine line_;
  std::vector<Name> names_;
  std::unordered_map<std::string, std::size_t> indices_;
  std::vector<std::string> fields_;
  std::vector<std::size_t> expected_;
  std::string padded_;
  ondemand::parser parser_;
};

// Sorts the values of a field by step where the file goes back; of several for a step the last stays.
void put_in_order(const std::vector<std::int64_t>& steps, SeriesField& field) {
  const auto step = [&](std::size_t i) { return steps[field.rows[i]]; };
  std::vector<std::size_t> order(field.rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return step(a) < step(b); });
  SeriesField sorted;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i + 1 < order.size() && step(order[i + 1]) == step(order[i])) continue;
    sorted.rows.push_back(field.rows[order[i]]);
    sorted.values.push_back(field.values[order[i]]);
  }
  field.rows = std::move(sorted.rows);
  field.values = std::move(sorted.values);
}

// Gathers lines into columns.
class Columns {
 public:
  void add(const ParsedLine& line) {
    if (line.step) step_ = line.step;
    if (!std::isnan(line.time)) time_ = line.time;
    if (!std::isnan(line.tokens)) tokens_ = line.tokens;
    if (!step_ || line.values.empty()) return;
    const auto row = static_cast<std::uint32_t>(series_.steps.size());
    series_.steps.push_back(*step_);
    series_.times.push_back(time_);
    series_.tokens.push_back(tokens_);
    for (const auto& [number, value] : line.values) add_value(number, row, value);
  }

  MetricsSeries finish(const std::vector<std::string>& names) && {
    for (std::size_t i = 0; i < series_.fields.size(); ++i) {
      series_.fields[i].name = names[i];
      if (goes_back_[i]) put_in_order(series_.steps, series_.fields[i]);
    }
    std::erase_if(series_.fields, [](const SeriesField& field) { return field.rows.empty(); });
    return std::move(series_);
  }

 private:
  void add_value(std::size_t number, std::uint32_t row, double value) {
    if (number >= series_.fields.size()) {
      series_.fields.resize(number + 1);
      goes_back_.resize(number + 1, false);
    }
    SeriesField& field = series_.fields[number];
    if (!field.rows.empty()) {
      const std::int64_t before = series_.steps[field.rows.back()];
      if (before == *step_) {
        field.rows.back() = row;
        field.values.back() = value;
        return;
      }
      if (before > *step_) goes_back_[number] = true;
    }
    field.rows.push_back(row);
    field.values.push_back(value);
  }

  MetricsSeries series_;
  std::vector<bool> goes_back_;
  std::optional<std::int64_t> step_;
  double time_ = kNone;
  double tokens_ = kNone;
};

}  // namespace

const SeriesField* MetricsSeries::find(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &SeriesField::name);
  return found != fields.end() ? &*found : nullptr;
}

MetricsSeries read_series(base::FileSystem& files, const std::filesystem::path& path,
                          const std::vector<std::string>& wanted) {
  if (!files.exists(path)) return {};
  const auto file = files.open_own(path, base::OpenMode::kRead);
  LineParser parser(wanted);
  Columns columns;
  base::LineReader lines(*file);
  for (base::Line line; lines.next(line);) {
    if (line.whole && parser.parse(line.text)) columns.add(parser.line());
  }
  return std::move(columns).finish(parser.fields());
}

std::vector<double> newest_values(base::FileSystem& files, const std::filesystem::path& path, const std::string& field,
                                  std::size_t count) {
  constexpr std::size_t kMost = std::size_t{256} << 10;
  std::vector<double> values;
  if (!files.exists(path)) return values;
  const auto file = files.open_own(path, base::OpenMode::kRead);
  LineParser parser({field});
  std::size_t bytes = 0;
  std::optional<std::int64_t> step;
  base::for_each_line_backwards(*file, [&](std::string_view text) {
    bytes += text.size() + 1;
    if (bytes > kMost) return false;
    if (!parser.parse(text) || parser.line().values.empty() || !parser.line().step) return true;
    if (step && *parser.line().step >= *step) return true;  // a later line told of this step
    step = parser.line().step;
    values.push_back(parser.line().values.back().second);
    return values.size() < count;
  });
  std::ranges::reverse(values);
  return values;
}

}  // namespace trireme::launcher
