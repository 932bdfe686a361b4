#include "io/text/byte_level.hpp"

#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

constexpr bool printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  char32_t characters[256];
  int bytes[512];

  constexpr Alphabet() : characters(), bytes() {
    for (int& byte : bytes) byte = -1;
    char32_t spare = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
      characters[byte] = printable(byte) ? byte : spare++;
      bytes[characters[byte]] = static_cast<int>(byte);
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

char32_t byte_character(unsigned char byte) noexcept { return kAlphabet.characters[byte]; }

std::string spell_bytes(std::string_view bytes) {
  std::string spelling;
  for (const char byte : bytes) append_code_point(byte_character(static_cast<unsigned char>(byte)), spelling);
  return spelling;
}

std::optional<std::string> read_spelling(std::string_view spelling) {
  if (find_malformed_utf8(spelling) != spelling.size()) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < spelling.size();) {
    const CodePoint point = decode_code_point(spelling.data() + i);
    if (point.value >= 512 || kAlphabet.bytes[point.value] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.bytes[point.value]));
    i += point.length;
  }
  return bytes;
}

}  // namespace trireme::text
