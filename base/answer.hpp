// What a command answers, on standard output. The only way there: tests/system/layer_test.py looks for others. Every
// function throws base::Error when the answer cannot be written (a full disk behind `>`), unless the reader has left
// (`| head`), which is no failure. Names and texts of others are escaped as base::printable() does.
#pragma once

#include <string_view>

#include "base/json.hpp"

namespace trireme::base {

/// One line; a newline is added.
void answer(std::string_view line);
/// A text of several lines, its last newline included: tables, help. Cells of format_table() are printable already;
/// put any other name into it by printable().
void answer_text(std::string_view text);
/// One line of JSON, its numbers as to_line() writes them.
void answer_json(const Json& value);
/// Text that is itself the answer: a model's words, a file. On a terminal escaped except for newlines and tabs; else
/// byte for byte.
void answer_content(std::string_view content);
/// Our own control sequences for a terminal, as they are.
void control_terminal(std::string_view sequence);

/// Writes out what is still buffered; to be called before a program ends with success. False when the reader has left.
bool finish_answers();

}  // namespace trireme::base
