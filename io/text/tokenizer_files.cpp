// Finds the files that a tokenizer's path names, and reads GPT-2's pair of files.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "io/text/byte_source.hpp"
#include "io/text/tokenizer.hpp"
#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

std::string read_file(const Path& path) {
  constexpr std::size_t kLargest = std::size_t{1} << 30;
  base::PosixFileSystem files;
  try {
    return read_whole(*open_raw_source(files, path.string()), display_name(path.string()), kLargest);
  } catch (const base::Error& error) {
    throw InputError(str("tokenizer file cannot be read: ", error.what()));
  }
}

Tokenizer load_pair(const Path& vocabulary, const Path& merges) {
  base::PosixFileSystem files;
  for (const auto& [wanted, other] : {std::pair(merges, vocabulary), std::pair(vocabulary, merges)}) {
    if (!files.exists(wanted))
      throw InputError(str("tokenizer ", other.string(), " needs ", wanted.string(), " beside it"));
  }
  try {
    return Tokenizer::make(read_gpt2_pair(vocabulary, merges));
  } catch (const InputError& error) {
    throw InputError(str("tokenizer ", vocabulary.string(), ": ", error.what()));
  }
}

}  // namespace

TokenizerDefinition read_gpt2_pair(const Path& vocabulary, const Path& merges) {
  TokenizerDefinition definition;
  try {
    const nlohmann::json ids = nlohmann::json::parse(read_file(vocabulary));
    for (const auto& [token, id] : ids.items()) {
      definition.vocabulary.emplace_back(token, id.get<std::uint32_t>());
    }
  } catch (const nlohmann::json::exception& error) {
    throw InputError(str(vocabulary.string(), " is no vocabulary: ", error.what()));
  }
  std::sort(definition.vocabulary.begin(), definition.vocabulary.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  for (std::size_t i = 0; i < definition.vocabulary.size(); ++i) {
    const auto& [token, id] = definition.vocabulary[i];
    if (id != i)
      throw InputError(str(vocabulary.string(), " gives token ", token, " id ", id, " where ", i, " is expected"));
    if (token == "<|endoftext|>") {
      AddedToken end_of_text;
      end_of_text.id = id;
      end_of_text.content = token;
      definition.added_tokens.push_back(end_of_text);
    }
  }
  std::istringstream lines(read_file(merges));
  std::string line;
  while (std::getline(lines, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.starts_with("#version")) continue;
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string::npos || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string::npos) {
      throw InputError(str(merges.string(), " has a line that is not a pair of tokens: ", line));
    }
    definition.merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return definition;
}

Tokenizer Tokenizer::load(const Path& path) {
  base::PosixFileSystem files;
  if (is_standard_input(path.string())) return parse(read_file(path), display_name(path.string()));
  if (!files.exists(path)) throw InputError(str("tokenizer ", path.string(), " does not exist"));
  if (files.is_directory(path)) {
    if (files.exists(path / "tokenizer.json")) return load(path / "tokenizer.json");
    if (files.exists(path / "vocab.json")) return load_pair(path / "vocab.json", path / "merges.txt");
    throw InputError(
        str("tokenizer directory ", path.string(), " holds neither tokenizer.json nor vocab.json and merges.txt"));
  }
  if (path.extension() == ".txt") return load_pair(path.parent_path() / "vocab.json", path);
  if (path.filename() == "vocab.json") return load_pair(path, path.parent_path() / "merges.txt");
  return parse(read_file(path), path.string());
}

}  // namespace trireme::text
