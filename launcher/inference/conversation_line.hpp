// Conversations to learn from, one JSON object a line.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.hpp"

namespace trireme::launcher {

/// The messages of `line`, which is valid UTF-8: those of {"messages": […]}, or of {"prompt": …, "response": …} the
/// user's and the assistant's. Adds to `replaced` how many halves of surrogate pairs in these became U+FFFD. NaN and
/// numbers too large for a double in the messages become null. Throws base::InputError in one sentence without the
/// place for anything but an object with one of these, and what check_conversation() does.
base::Json conversation_of(const std::string& line, std::uint64_t& replaced);

/// Throws base::InputError naming the message by its number, from 1, unless each has a role (system, user, assistant,
/// tool) and a text as content, their roles follow each other as docs/token_dataset.md says, no response is empty, and
/// there is one. `messages` comes from parse_messages().
void check_conversation(const base::Json& messages);

}  // namespace trireme::launcher
