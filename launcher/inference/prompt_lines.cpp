#include "launcher/inference/prompt_lines.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "launcher/inference/json_lines.hpp"

namespace trireme::launcher {

using base::InputError;
using base::Json;
using base::str;

PromptEncoder::PromptEncoder(const text::Tokenizer& tokenizer, const ModelTexts& texts, std::string model, bool special,
                             std::int64_t sequence, bool chat)
    : tokenizer_(tokenizer),
      texts_(texts),
      model_(std::move(model)),
      special_(special),
      sequence_(sequence),
      chat_(chat),
      now_(std::time(nullptr)) {}

std::vector<std::uint32_t> PromptEncoder::checked(std::vector<std::uint32_t> tokens) const {
  if (tokens.empty()) throw InputError("the prompt has no tokens");
  if (std::ssize(tokens) >= sequence_) {
    throw InputError(str("the prompt has ", tokens.size(), " tokens, which leaves no room in the model's sequence of ",
                         sequence_, ": make it shorter"));
  }
  return tokens;
}

std::vector<std::uint32_t> PromptEncoder::encode(std::string_view text) {
  if (chat_) return encode_messages(Json::array({message("user", std::string(text))}));
  std::vector<std::uint32_t> tokens;
  if (special_) tokens = tokenizer_.wrapping().before;
  tokenizer_.encode(text, tokens);
  return checked(std::move(tokens));
}

std::vector<std::uint32_t> PromptEncoder::encode_messages(const Json& messages) {
  if (!template_) template_ = ChatTemplate::find(texts_, model_);
  return checked(tokenizer_.encode(template_->render(messages, true, now_)));
}

std::vector<PromptLine> read_prompt_lines(base::FileSystem& files, const std::string& path, PromptEncoder& encoder,
                                          std::int64_t max_tokens, std::int64_t sequence) {
  JsonLines lines(files, path, {"id", "prompt", "messages"});
  std::vector<PromptLine> prompts;
  for (JsonLine line; lines.next(line);) {
    PromptLine made;
    made.id = line.json("id");
    if (made.id.empty()) made.id = std::to_string(prompts.size());
    made.prompt.index = prompts.size();
    const bool messages = line.has("messages");
    if (messages == line.has("prompt")) line.refuse("a line needs \"prompt\" or \"messages\", and not both");
    made.prompt.continues = !messages && !encoder.chat();
    const std::string text = messages ? line.json("messages") : line.text("prompt");
    try {
      made.prompt.tokens = messages ? encoder.encode_messages(parse_messages(text)) : encoder.encode(text);
    } catch (const InputError& error) {
      line.refuse(error.what());
    }
    made.prompt.max_tokens = std::min(max_tokens, sequence - std::ssize(made.prompt.tokens));
    prompts.push_back(std::move(made));
  }
  if (prompts.empty()) throw InputError(path + " holds no lines");
  return prompts;
}

std::string completion_line(const PromptLine& line, const Completion& completion) {
  const std::string rest =
      base::to_line({{"text", completion.text}, {"tokens", completion.tokens}, {"stop", name_of(completion.stop)}});
  return base::printable_json("{\"id\":" + line.id + "," + rest.substr(1));
}

std::string to_bytes(const std::vector<Prompt>& prompts) {
  std::string bytes;
  const auto add = [&](std::uint64_t value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); };
  for (const Prompt& prompt : prompts) {
    add(prompt.index);
    add(static_cast<std::uint64_t>(prompt.max_tokens));
    add(prompt.continues ? 1 : 0);
    add(prompt.tokens.size());
    bytes.append(reinterpret_cast<const char*>(prompt.tokens.data()), prompt.tokens.size() * sizeof(std::uint32_t));
  }
  return bytes;
}

std::vector<Prompt> prompts_of(const std::string& bytes) {
  std::vector<Prompt> prompts;
  std::size_t at = 0;
  const auto take = [&](void* into, std::size_t size) {
    if (size > bytes.size() - at) throw base::Error("another rank sent prompts that are cut off");
    std::memcpy(into, bytes.data() + at, size);
    at += size;
  };
  while (at < bytes.size()) {
    std::uint64_t index = 0, most = 0, continues = 0, count = 0;
    take(&index, sizeof index);
    take(&most, sizeof most);
    take(&continues, sizeof continues);
    take(&count, sizeof count);
    Prompt prompt;
    prompt.index = index;
    prompt.max_tokens = static_cast<std::int64_t>(most);
    prompt.continues = continues != 0;
    if (count > (bytes.size() - at) / sizeof(std::uint32_t))
      throw base::Error("another rank sent prompts that are cut off");
    prompt.tokens.resize(count);
    take(prompt.tokens.data(), count * sizeof(std::uint32_t));
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

}  // namespace trireme::launcher
