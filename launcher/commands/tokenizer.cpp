// trireme tokenizer train|encode|decode.
#include <charconv>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;

/// A file's bytes, or stdin's for "-".
std::string read_input(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  base::PosixFileSystem files;
  try {
    return files.read_all(path);
  } catch (const base::IoError& error) {
    throw InputError(error.what());
  }
}

void write_output(const std::string& bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0) {
    throw base::Error("standard output cannot be written");
  }
}

struct FileArguments {
  std::string tokenizer;
  std::string file = "-";
};

bool parse_files(options::CommandLine& line, const Arguments& arguments, FileArguments& files) {
  Arguments words;
  line.positionals("TOK [FILE]", words, "tokenizer (tokenizer.json, vocab.json, or their directory); file, default stdin",
                   1, 2);
  if (!line.parse(arguments)) return false;
  files.tokenizer = words[0];
  if (words.size() > 1) files.file = words[1];
  return true;
}

int encode(const Arguments& arguments) {
  options::CommandLine line("tokenizer encode", "prints the token ids of a text, separated by spaces",
                            "trireme tokenizer encode tok.json book.txt\necho Hello | trireme tokenizer encode tok.json");
  FileArguments files;
  if (!parse_files(line, arguments, files)) return base::kExitDone;
  const text::Tokenizer tokenizer = text::Tokenizer::load(files.tokenizer);
  const std::vector<std::uint32_t> ids = tokenizer.encode(read_input(files.file));
  std::string words;
  words.reserve(ids.size() * 6 + 1);
  char digits[16];
  for (const std::uint32_t id : ids) {
    if (!words.empty()) words.push_back(' ');
    words.append(digits, std::to_chars(digits, digits + sizeof digits, id).ptr);
  }
  words.push_back('\n');
  write_output(words);
  return base::kExitDone;
}

std::vector<std::uint32_t> read_ids(const std::string& words, const std::string& name) {
  std::vector<std::uint32_t> ids;
  const char* const end = words.data() + words.size();
  for (const char* p = words.data(); p < end;) {
    if (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
      ++p;
      continue;
    }
    std::uint32_t id = 0;
    const auto [stop, error] = std::from_chars(p, end, id);
    if (error != std::errc() || (stop < end && *stop != ' ' && !(*stop >= '\t' && *stop <= '\r'))) {
      throw InputError(str(name == "-" ? "standard input" : name, " holds something at byte ", p - words.data(),
                           " that is no token id; write ids separated by white space"));
    }
    ids.push_back(id);
    p = stop;
  }
  return ids;
}

int decode(const Arguments& arguments) {
  options::CommandLine line("tokenizer decode", "prints the text of token ids, which are separated by white space",
                            "trireme tokenizer decode tok.json ids.txt\necho 464 3290 | trireme tokenizer decode gpt2/");
  FileArguments files;
  if (!parse_files(line, arguments, files)) return base::kExitDone;
  const text::Tokenizer tokenizer = text::Tokenizer::load(files.tokenizer);
  write_output(tokenizer.decode(read_ids(read_input(files.file), files.file)));
  return base::kExitDone;
}

}  // namespace

int tokenizer_command(const Arguments& arguments) {
  return options::run_subcommand("tokenizer", "trireme tokenizer encode tok.json book.txt",
                                 {{"encode", "token ids of a text", encode}, {"decode", "text of token ids", decode}},
                                 arguments);
}

}  // namespace trireme::launcher
