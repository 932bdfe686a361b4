// What a model is to continue, from text, from conversations, and from files of them.
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/inference/chat_template.hpp"
#include "launcher/inference/generation_options.hpp"

namespace trireme::launcher {

/// Turns texts and conversations into prompts for one model. Used on one rank.
class PromptEncoder {
 public:
  /// `special`: whether texts get what the tokenizer's post-processor puts in front of a text. `sequence`: the model's.
  /// `chat`: every text is a user's message. All references must outlive this object.
  PromptEncoder(const text::Tokenizer& tokenizer, const ModelTexts& texts, std::string model, bool special,
                std::int64_t sequence, bool chat);

  /// Throws base::InputError without a subject: a text without tokens, one that leaves no room for an answer, what
  /// ChatTemplate throws.
  std::vector<std::uint32_t> encode(std::string_view text);
  std::vector<std::uint32_t> encode_messages(const base::Json& messages);
  bool chat() const { return chat_; }

 private:
  std::vector<std::uint32_t> checked(std::vector<std::uint32_t> tokens) const;

  const text::Tokenizer& tokenizer_;
  const ModelTexts& texts_;
  std::string model_;
  bool special_;
  std::int64_t sequence_;
  bool chat_;
  std::optional<ChatTemplate> template_;  ///< found when it is first needed
  std::time_t now_;
};

/// A line {"prompt" or "messages", "id"?} of a file.
struct PromptLine {
  std::string id;  ///< JSON text; without one the line's number among the lines, from 0
  Prompt prompt;
};

/// Reads a whole file (JsonLines). Each prompt gets min(max_tokens, room) new tokens. Throws base::InputError in one
/// sentence with file and line for what is wrong with a line, and for a file without lines.
std::vector<PromptLine> read_prompt_lines(base::FileSystem& files, const std::string& path, PromptEncoder& encoder,
                                          std::int64_t max_tokens, std::int64_t sequence);

/// {"id", "text", "tokens", "stop"}, one line without the newline, printable (base::printable_json). The id is spelled
/// as in the prompt's line.
std::string completion_line(const PromptLine& line, const Completion& completion);

/// Prompts as bytes that other ranks read, and back.
std::string to_bytes(const std::vector<Prompt>& prompts);
std::vector<Prompt> prompts_of(const std::string& bytes);

/// Lines that are ready in any order, passed on in order.
class OrderedLines {
 public:
  /// Calls `write` for each line as soon as all before it are there.
  template <typename Writer>
  void ready(std::size_t number, std::string line, const Writer& write) {
    waiting_[number] = std::move(line);
    for (auto next = waiting_.find(next_); next != waiting_.end(); next = waiting_.find(++next_)) {
      write(next->second);
      waiting_.erase(next);
    }
  }

 private:
  std::map<std::size_t, std::string> waiting_;
  std::size_t next_ = 0;
};

}  // namespace trireme::launcher
