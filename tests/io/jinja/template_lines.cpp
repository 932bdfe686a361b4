// Renders templates for jinja_oracle_test.py: a line {"template", "variables", "now"} on standard input gives a line
// {"text"} or {"error"} on standard output.
#include <iostream>
#include <string>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/jinja/template.hpp"

int main() {
  using trireme::base::Json;
  for (std::string line; std::getline(std::cin, line);) {
    Json answer;
    try {
      const Json asked = Json::parse(line);
      const auto parsed =
          trireme::jinja::Template::parse(asked.at("template").get<std::string>(), "chat_template.jinja");
      answer["text"] = parsed.render(asked.at("variables"), asked.at("now").get<std::time_t>());
    } catch (const trireme::base::InputError& error) {
      answer["error"] = error.what();
    }
    std::cout << answer.dump() << '\n';
  }
}
