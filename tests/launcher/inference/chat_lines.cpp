// Renders conversations for chat_template_oracle_test.py: a line {"directory", "messages", "answer", "now"} on standard
// input gives a line {"text", "tokens"} or {"error"} on standard output.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <string>

#include "base/error.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/inference/chat_template.hpp"

namespace {

trireme::launcher::ModelTexts texts_in(const std::filesystem::path& directory) {
  trireme::launcher::ModelTexts texts;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    std::ifstream file(entry.path());
    texts[entry.path().filename().string()] = {std::istreambuf_iterator<char>(file), {}};
  }
  return texts;
}

}  // namespace

int main() {
  using trireme::base::Json;
  std::map<std::string, trireme::launcher::ModelTexts> models;
  std::map<std::string, trireme::text::Tokenizer> tokenizers;
  for (std::string line; std::getline(std::cin, line);) {
    Json answer;
    try {
      const Json asked = Json::parse(line);
      const std::string directory = asked.at("directory").get<std::string>();
      if (models.find(directory) == models.end()) {
        models.emplace(directory, texts_in(directory));
        tokenizers.emplace(directory, trireme::text::Tokenizer::load(directory));
      }
      const auto chat = trireme::launcher::ChatTemplate::find(models.at(directory), directory);
      const Json messages = trireme::launcher::parse_messages(asked.at("messages").dump());
      answer["text"] = chat.render(messages, asked.at("answer").get<bool>(), asked.at("now").get<std::time_t>());
      answer["tokens"] = tokenizers.at(directory).encode(answer["text"].get<std::string>());
    } catch (const trireme::base::InputError& error) {
      answer = {{"error", error.what()}};
    }
    std::cout << answer.dump() << '\n';
  }
}
