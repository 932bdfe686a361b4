// Reads the fields of a JSON object one by one, and refuses those that nobody asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace trireme::spec {

/// Sizes in a config.json above this are no model's, and below it they multiply without overflow.
inline constexpr std::int64_t kMostHubSize = 100'000'000;

/// The fields of one object of a config.json. Every function marks its field as known. An absent field and null are
/// different things: a class has a default for the one and may have another meaning for the other.
class HubReader {
 public:
  /// `object` must outlive the reader. `name` is the file, for messages; `path` the fields around `object`, with a dot
  /// behind each. Throws base::InputError if it is no object.
  HubReader(const base::Json& object, std::string name, std::string path = "");

  /// The value of `field`, or nullptr where it is absent.
  const base::Json* find(const std::string& field);
  /// Whether it is absent or null.
  bool missing(const std::string& field);

  // The value of `field`, which must be there. All throw base::InputError for a value of another type or out of range.
  std::int64_t size(const std::string& field, std::int64_t least = 1);  ///< a whole number up to kMostHubSize
  double number(const std::string& field);                              ///< above 0, finite
  bool flag(const std::string& field);
  std::string word(const std::string& field);
  std::vector<std::string> words(const std::string& field);
  std::vector<std::int64_t> sizes(const std::string& field);  ///< 0 included

  /// The object in `field`, as a reader of its own, which needs its own refuse_unread().
  HubReader object(const std::string& field);

  /// Throws: "config.json: FIELD = VALUE, WHAT". `what` goes on from the value: what is supported, what to do.
  [[noreturn]] void refuse(const std::string& field, const std::string& what);
  /// Throws: "config.json: WHAT". For what no single field says.
  [[noreturn]] void refuse(const std::string& what) const;

  /// Throws for the first field that no call asked for, unless it is null or empty, or its name begins with an
  /// underscore, as those do that transformers notes for itself. `of` says whose fields they are: "a
  /// config.json of model_type = llama".
  void refuse_unread(const std::string& of) const;

 private:
  const base::Json& require(const std::string& field);

  const base::Json& object_;
  std::string name_;
  std::string path_;
  std::set<std::string> known_;
};

/// `value` on one line for a message, shortened and safe for a terminal.
std::string shown(const base::Json& value);

}  // namespace trireme::spec
