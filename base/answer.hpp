// Writes a command's answer to standard output. No other code writes there: tests/system/layer_test.py checks that.
// Every function throws base::Error when the answer cannot be written (a full disk behind `>`). A reader that has left
// (`| head`) is not an error. Names and texts from others are escaped as base::printable() does.
#pragma once

#include <string_view>

#include "base/json.hpp"

namespace trireme::base {

/// Writes one line and adds the newline.
void answer(std::string_view line);
/// Writes a text of several lines that ends with a newline: a table, a help text. The cells of format_table() are
/// printable already; pass any other name through printable() first.
void answer_text(std::string_view text);
/// Writes one line of JSON, with numbers as to_line() writes them.
void answer_json(const Json& value);
/// Writes text that is itself the answer: a model's words, a file. On a terminal it is escaped except for newlines and
/// tabs; elsewhere it is written byte for byte.
void answer_content(std::string_view content);
/// Writes our own control sequences to a terminal, unescaped.
void control_terminal(std::string_view sequence);

/// Writes out what is still buffered. Call it before the program ends with success. Returns false when the reader has
/// left.
bool finish_answers();

}  // namespace trireme::base
