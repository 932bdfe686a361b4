// The values of one line of metrics.jsonl, in the order of the line.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::launcher {

/// Fast where lines have the same fields in the same order, as a training's have.
class LineValues {
 public:
  struct Value {
    std::size_t field = 0;  ///< index into fields()
    double number = 0.0;    ///< NaN: null, or what is no finite number
  };

  /// At most `most_fields` names are told apart; values of others are counted in dropped().
  explicit LineValues(std::size_t most_fields);
  ~LineValues();
  LineValues(const LineValues&) = delete;
  LineValues& operator=(const LineValues&) = delete;

  /// Bytes behind the line's end that must be readable, whatever they hold.
  static std::size_t padding();

  /// False when the text is no JSON object. Values that are neither numbers, null, "nan", "inf" nor "-inf" are left
  /// out.
  bool read(std::string_view line);

  const std::vector<Value>& values() const { return values_; }
  const std::vector<std::string>& fields() const { return fields_; }
  /// Whether the line has a text as a value.
  bool has_text() const { return has_text_; }
  std::size_t dropped() const { return dropped_; }

 private:
  struct Parser;

  bool read_fast(std::string_view line);
  bool read_slowly(std::string_view line);
  void take(std::string_view name, double number);
  void take_text(std::string_view name, std::string_view text);

  std::unique_ptr<Parser> parser_;
  std::size_t most_fields_;
  std::size_t dropped_ = 0;
  bool has_text_ = false;
  std::size_t expected_ = 0;  ///< the field that comes next, if the line is like the one before
  std::vector<std::string> fields_;
  std::vector<Value> values_;
};

}  // namespace trireme::launcher
