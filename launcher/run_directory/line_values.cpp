#include "launcher/run_directory/line_values.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>

#include "base/lines.hpp"
#include "launcher/run_directory/metrics_line.hpp"

namespace trireme::launcher {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestStep = 9007199254740992.0;  // 2^53: doubles hold all whole numbers up to it
constexpr std::size_t kNoField = std::numeric_limits<std::size_t>::max();

bool is_gap(std::string_view text) { return text == "nan" || text == "inf" || text == "-inf"; }

struct Hash : std::hash<std::string_view> {
  using is_transparent = void;
};

}  // namespace

class LineValues::Reader {
 public:
  explicit Reader(const Limits& limits) : longest_name_(limits.longest_name) {
    for (const std::string& name : limits.kept) learn(name);
    const std::size_t kept = fields_.size() - 1;
    most_fields_ = limits.most_fields > kAnyNumber - kept ? kAnyNumber : limits.most_fields + kept;
  }

  bool read(std::string_view line) {
    if (line.size() > base::kLongestLine || (!read_fast(line) && !read_slowly(line))) return false;
    if (left_out_) std::erase_if(values_, [](const Value& value) { return value.field == kNoField; });
    return take_step();
  }

  std::optional<std::int64_t> step() const { return step_; }
  const std::vector<Value>& values() const { return values_; }
  const std::vector<std::string>& fields() const { return fields_; }
  bool has_text() const { return has_text_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  void begin() {
    values_.clear();
    expected_ = 0;
    has_text_ = left_out_ = false;
  }

  // False for any error. The parser of whole documents is used, since it is the one that chooses its code by the CPU
  // that it runs on.
  bool read_fast(std::string_view line) {
    begin();
    padded_.assign(line);
    padded_.append(simdjson::SIMDJSON_PADDING, '\0');
    simdjson::dom::object object;
    if (parser_.parse(padded_.data(), line.size(), false).get_object().get(object) != simdjson::SUCCESS) return false;
    for (const auto& [name, value] : object) {
      switch (value.type()) {
        case simdjson::dom::element_type::DOUBLE:
        case simdjson::dom::element_type::INT64:
        case simdjson::dom::element_type::UINT64: take(name, value.get_double().value_unsafe()); break;
        case simdjson::dom::element_type::NULL_VALUE: take(name, kGap); break;
        case simdjson::dom::element_type::STRING: take_text(name, value.get_string().value_unsafe()); break;
        default: leave_out(name); break;
      }
    }
    return true;
  }

  // For what the fast library does not know: NaN, Infinity, and whole numbers of more than 64 bits.
  bool read_slowly(std::string_view line) {
    begin();
    const base::Json json = parse_metrics_line(line);
    if (!json.is_object()) return false;
    for (const auto& [name, value] : json.items()) {
      if (value.is_number()) {
        take(name, value.get<double>());
      } else if (value.is_null()) {
        take(name, kGap);
      } else if (value.is_string()) {
        take_text(name, value.get_ref<const std::string&>());
      } else {
        leave_out(name);
      }
    }
    return true;
  }

  std::size_t index_of(std::string_view name) const {
    if (expected_ < fields_.size() && fields_[expected_] == name) return expected_;
    const auto found = indices_.find(name);
    return found != indices_.end() ? found->second : kNoField;
  }

  // Whether the line has a value of the field so far. Places of lines before need no clearing: what stands there now is
  // another field's value.
  bool has(std::size_t field) const {
    return places_[field] < values_.size() && values_[places_[field]].field == field;
  }

  std::size_t learn(std::string_view name) {
    const auto [place, fresh] = indices_.emplace(name, fields_.size());
    if (fresh) {
      fields_.emplace_back(name);
      places_.push_back(0);
    }
    return place->second;
  }

  void take(std::string_view name, double number) {
    std::size_t field = index_of(name);
    if (field == kNoField) {
      if (fields_.size() >= most_fields_ || name.size() > longest_name_) {
        ++dropped_;
        return;
      }
      field = learn(name);
    }
    expected_ = field + 1;
    if (!std::isfinite(number)) number = kGap;
    if (has(field)) {
      values_[places_[field]].number = number;
      return;
    }
    places_[field] = values_.size();
    values_.push_back({field, number});
  }

  void take_text(std::string_view name, std::string_view text) {
    if (is_gap(text)) {
      take(name, kGap);
    } else {
      has_text_ = true;
      leave_out(name);
    }
  }

  void leave_out(std::string_view name) {
    const std::size_t field = index_of(name);
    if (field == kStep) {
      take(name, kGap);  // take_step() refuses it
    } else if (field != kNoField && has(field)) {
      values_[places_[field]].field = kNoField;
      left_out_ = true;
    }
  }

  bool take_step() {
    step_.reset();
    const auto found = std::ranges::find(values_, kStep, &Value::field);
    if (found == values_.end()) return true;
    const double number = found->number;
    if (!(number >= 0 && number <= kLargestStep) || std::trunc(number) != number) return false;
    step_ = static_cast<std::int64_t>(number);
    return true;
  }

  simdjson::dom::parser parser_;
  std::string padded_;  // the line, and as many bytes more as the parser may read
  std::size_t most_fields_ = kAnyNumber, longest_name_;
  std::uint64_t dropped_ = 0;
  std::vector<std::string> fields_ = {"step"};
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> indices_ = {{"step", kStep}};

  std::size_t expected_ = 0;               // the field that comes next, if the line is like the one before
  std::vector<std::size_t> places_ = {0};  // of each field in values_, where the line has it
  std::vector<Value> values_;
  std::optional<std::int64_t> step_;
  bool has_text_ = false;
  bool left_out_ = false;  // some of values_ are to be removed
};

LineValues::LineValues(const Limits& limits) : reader_(std::make_unique<Reader>(limits)) {}
LineValues::~LineValues() = default;

bool LineValues::read(std::string_view line) { return reader_->read(line); }
std::optional<std::int64_t> LineValues::step() const { return reader_->step(); }
const std::vector<LineValues::Value>& LineValues::values() const { return reader_->values(); }
const std::vector<std::string>& LineValues::fields() const { return reader_->fields(); }
bool LineValues::has_text() const { return reader_->has_text(); }
std::uint64_t LineValues::dropped() const { return reader_->dropped(); }

}  // namespace trireme::launcher
