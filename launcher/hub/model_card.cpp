#include "launcher/hub/model_card.hpp"

#include <algorithm>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/printable.hpp"
#include "base/words.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

using base::str;

/// A text between quotes that YAML and JSON share.
std::string quoted(const std::string& text) { return base::Json(base::printable(text)).dump(); }

/// A text in Markdown: no line of its own, nothing that formats.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : base::printable(text)) {
    if (std::string_view("\\`*_{}[]<>#|~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string table(const std::string& title, const std::vector<std::pair<std::string, std::string>>& rows) {
  if (rows.empty()) return "";
  std::string text = str("\n## ", title, "\n\n| | |\n|---|---|\n");
  for (const auto& [name, value] : rows) text += str("| ", plain(name), " | ", plain(value), " |\n");
  return text;
}

std::string front_matter(const CardFacts& facts) {
  std::string text = "---\n";
  const std::vector<std::string> licence = licence_lines(facts.parent_card);
  for (const std::string& line : licence) text += line + "\n";
  if (licence.empty()) text += "license: unknown\n";
  if (!facts.parent.empty()) text += str("base_model: ", quoted(facts.parent), "\n");
  if (!facts.datasets.empty()) {
    text += "datasets:\n";
    for (const std::string& dataset : facts.datasets) text += str("- ", quoted(dataset), "\n");
  }
  return text + "library_name: transformers\n---\n";
}

std::string about(const CardFacts& facts) {
  std::string text = str("\n# ", plain(facts.name), "\n\n");
  text += str("A model of the ", plain(facts.arch), " family with ", with_commas(facts.parameters), " parameters, a ",
              "vocabulary of ", facts.vocabulary, " tokens and up to ", facts.sequence, " tokens of context. ");
  if (facts.step > 0) {
    text += str("It was trained for ", facts.step, " steps with ", facts.program);
    text += facts.parent.empty() ? " from random weights." : str(", beginning with ", plain(facts.parent), ".");
  } else if (!facts.parent.empty()) {
    text += str("Its weights are those of ", plain(facts.parent), "; ", facts.program, " wrote the files.");
  } else {
    text += str(facts.program, " wrote the files.");
  }
  return text + "\n";
}

std::string about_licence(const CardFacts& facts) {
  if (!licence_lines(facts.parent_card).empty()) {
    return str("\n## Licence\n\nThe licence above is that of ", plain(facts.parent),
               ". Terms of the data may add to it.\n");
  }
  return "\n## Licence\n\nNone was stated. Whoever publishes the model chooses one that its data and its parent allow, "
         "and writes it above.\n";
}

}  // namespace

std::vector<std::string> licence_lines(const std::string& card) {
  std::vector<std::string> found;
  if (!card.starts_with("---\n") && !card.starts_with("---\r\n")) return found;
  constexpr std::size_t kLongest = 200;
  std::size_t at = card.find('\n') + 1;
  for (int line_number = 0; line_number < 1000 && at < card.size(); ++line_number) {
    const std::size_t end = std::min(card.find('\n', at), card.size());
    const std::string line = base::trimmed(card.substr(at, end - at));
    const bool indented = card[at] == ' ' || card[at] == '\t';
    at = end + 1;
    if (line == "---") break;
    const bool is_licence =
        line.starts_with("license:") || line.starts_with("license_name:") || line.starts_with("license_link:");
    // A list or a block of lines has no value here; it is not copied in part.
    if (indented || !is_licence || line.ends_with(":") || line.size() > kLongest) continue;
    if (base::printable(line) == line) found.push_back(line);
  }
  return found;
}

std::string model_card(const CardFacts& facts) {
  std::string text = front_matter(facts) + about(facts);
  if (!facts.datasets.empty()) {
    text += "\n## Data\n\n";
    for (const std::string& dataset : facts.datasets) text += str("- ", plain(dataset), "\n");
  }
  text += table("Training", facts.training);
  text += table("Results", facts.metrics);
  return text + about_licence(facts);
}

}  // namespace trireme::launcher
