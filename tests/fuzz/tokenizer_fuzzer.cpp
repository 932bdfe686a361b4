// Any bytes as a tokenizer.json, and what follows its first NUL as a text: the file is refused in a sentence or the
// text is encoded; its tokens decode, and piece by piece to the same text.
//
// Patterns other than the known ones are left out: they may rightly take seconds until they are given up
// (io/text/splitter.hpp), which tokenizer_test covers.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "io/text/text_stream.hpp"
#include "io/text/tokenizer.hpp"
#include "io/text/utf8.hpp"

namespace {

using trireme::text::TextStream;
using trireme::text::Tokenizer;

void use(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<std::uint32_t> ids = tokenizer.encode(text);
  const auto& wrapping = tokenizer.wrapping();
  ids.insert(ids.end(), wrapping.before.begin(), wrapping.before.end());
  ids.insert(ids.end(), wrapping.pair_after.begin(), wrapping.pair_after.end());
  for (const bool skip : {false, true}) {
    const std::string decoded = tokenizer.decode(ids, skip);
    if (trireme::text::find_malformed_utf8(decoded) != decoded.size()) std::abort();
    TextStream stream(tokenizer, skip);
    std::string parts;
    for (const std::uint32_t id : ids) parts += stream.push(id);
    parts += stream.finish();
    if (parts != decoded) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const std::string json = input.substr(0, end);
  if (json.find("Regex") != std::string::npos) return 0;
  try {
    use(Tokenizer::parse(json), input.substr(std::min(end + 1, size)));
  } catch (const trireme::base::InputError&) {  // refused in a sentence
  }
  return 0;
}
