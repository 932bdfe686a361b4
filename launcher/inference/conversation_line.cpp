#include "launcher/inference/conversation_line.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "io/text/json_scanner.hpp"
#include "launcher/inference/chat_template.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::Json;
using base::str;

/// What a line has of the members that say something here, as they are spelled.
struct Members {
  std::optional<std::string> messages, prompt, response;
  std::string names;  ///< of all members, for a message

  void hear(const std::string& key, std::string_view spelled) {
    if (key == "messages") messages = spelled;
    if (key == "prompt") prompt = spelled;
    if (key == "response") response = spelled;
    constexpr std::size_t kShown = 200;
    if (names.size() < kShown) names += (names.empty() ? "" : ", ") + key;
  }
};

Members members_of(const std::string& line) {
  Members members;
  const text::JsonText kind = text::scan_json(line, [&](std::string_view spelled, std::string_view value) {
    std::string key;
    text::append_json_string(spelled, key);
    members.hear(key, value);
  });
  if (kind == text::JsonText::kMalformed) throw InputError("it is not valid JSON: each line must hold one JSON object");
  if (kind != text::JsonText::kObject) throw InputError("it is not a JSON object");
  return members;
}

std::string text_of(const char* name, const std::string& spelled, std::uint64_t& replaced) {
  if (!spelled.starts_with('"')) throw InputError(str("its \"", name, "\" is not a text"));
  std::string text;
  replaced += text::append_json_string(std::string_view(spelled).substr(1, spelled.rfind('"') - 1), text);
  return text;
}

std::uint64_t count_in(std::string_view text, std::string_view what) {
  std::uint64_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

/// `spelled`, the value of "messages", for a strict reader.
std::string strict_messages(const std::string& spelled, std::uint64_t& replaced) {
  std::string strict = text::strict_json(spelled);
  const std::uint64_t halves = count_in(strict, text::kHalfSurrogate) - count_in(spelled, text::kHalfSurrogate);
  if (halves == 0) return strict;
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD, as long as what it replaces
  for (std::size_t at = strict.find(text::kHalfSurrogate); at != std::string::npos;
       at = strict.find(text::kHalfSurrogate, at)) {
    strict.replace(at, kReplacement.size(), kReplacement);
  }
  replaced += halves;
  return strict;
}

bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

/// The roles that may follow `role`; "" stands for the beginning.
std::vector<std::string> followers(const std::string& role) {
  if (role.empty()) return {"system", "user"};
  if (role == "system") return {"user"};
  if (role == "user") return {"assistant"};
  if (role == "assistant") return {"user", "tool"};
  return {"tool", "assistant"};
}

std::string role_of(const Json& message, std::size_t number) {
  if (!message.contains("role") || !message["role"].is_string()) {
    throw InputError(str("message ", number, " has no \"role\": give it system, user, assistant or tool"));
  }
  auto role = message["role"].get<std::string>();
  if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    throw InputError(str("message ", number, " has the role \"", role, "\": give it system, user, assistant or tool"));
  }
  return role;
}

void check_order(const std::string& before, const std::string& role, std::size_t number) {
  const std::vector<std::string> expected = followers(before);
  if (std::ranges::find(expected, role) != expected.end()) return;
  throw InputError(str("message ", number, " has the role ", role,
                       before.empty() ? " at the beginning" : " after the role " + before, ", where ", expected.front(),
                       expected.size() > 1 ? " or " + expected.back() : "", " must come"));
}

}  // namespace

Json conversation_of(const std::string& line, std::uint64_t& replaced) {
  const Members members = members_of(line);
  Json messages;
  if (members.messages && (members.prompt || members.response)) {
    throw InputError("it has \"messages\" beside \"prompt\" or \"response\": give one of them");
  }
  if (members.messages) {
    messages = parse_messages(strict_messages(*members.messages, replaced));
  } else if (members.prompt && members.response) {
    messages = {message("user", text_of("prompt", *members.prompt, replaced)),
                message("assistant", text_of("response", *members.response, replaced))};
  } else {
    throw InputError(str("it has neither \"messages\" nor \"prompt\" and \"response\" (it has: ", members.names, ")"));
  }
  check_conversation(messages);
  return messages;
}

void check_conversation(const Json& messages) {
  std::string before;
  bool answered = false;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string role = role_of(messages[i], i + 1);
    if (!messages[i].contains("content") || !messages[i]["content"].is_string()) {
      throw InputError(str("message ", i + 1, " has no \"content\" that is a text"));
    }
    check_order(before, role, i + 1);
    if (role == "assistant") {
      if (blank(messages[i]["content"].get<std::string>())) {
        throw InputError(str("message ", i + 1, " is an empty response: leave the conversation out, or end it before"));
      }
      answered = true;
    }
    before = role;
  }
  if (!answered) throw InputError("no message is an assistant's, so there is no response to learn");
}

}  // namespace trireme::launcher
