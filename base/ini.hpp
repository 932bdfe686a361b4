// INI text: [section], key = value, # comment. All settings files are read and written here, so that what is written
// reads back as the same values.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace trireme::base {

/// "section.key" and its value, in order; keys may repeat. `origin` names the text in messages. White space at both
/// ends of a value is dropped, quotes stay (ini_unquoted() removes them). A '#' begins a comment at the line's start
/// and after white space, but not between quotes: `name = lr#1  # a note` is "lr#1", `name = "a #1"` is "\"a #1\"".
/// Quotes are a pair of ' or " on one line whose first stands where a word begins, so the apostrophe of "don't" is
/// none. Throws base::InputError naming the line that is none of the above.
std::vector<std::pair<std::string, std::string>> parse_ini(const std::string& text, const std::string& origin);

/// Whether `value`, written unquoted after "key = ", reads back as itself.
bool ini_holds(const std::string& value);

/// Removes the double quotes around a value: "a \"b\"" becomes a "b" (\" and \\ stand for one character). Returns any
/// other text unchanged.
std::string ini_unquoted(const std::string& value);

/// Puts `value` in double quotes where it would otherwise read back as something else, so that ini_unquoted() of what
/// parse_ini() returns is `value` again. The value must hold no line break.
std::string ini_quoted(const std::string& value);

/// An item of a list that is separated by commas.
struct ListItem {
  std::string name;     ///< without white space around it, and without its quotes
  std::string rest;     ///< what stands after the closing quote; "" for an item that does not begin with a quote
  bool quoted = false;  ///< commas, and numbers at the end, belong to the name
};

/// Splits `"a,b.h5" 0.5, c.h5` into {a,b.h5; 0.5} and {c.h5}. Commas inside a double quote that begins an item do not
/// separate. Empty items are kept.
std::vector<ListItem> split_list(const std::string& text);

}  // namespace trireme::base
