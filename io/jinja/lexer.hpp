// Splits a template into tokens, with the white space control of Jinja2's trim_blocks and lstrip_blocks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::jinja {

enum class TokenKind : std::uint8_t {
  kData,      ///< text between the tags
  kBlock,     ///< {%
  kBlockEnd,  ///< %}
  kPrint,     ///< {{
  kPrintEnd,  ///< }}
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  ///< "==", "(", …
  kEnd,       ///< behind the last token
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t line = 1;
  std::string text;  ///< data, name, operator, or a string's value
  std::int64_t integer = 0;
  double floating = 0.0;

  bool is(TokenKind wanted, const char* spelled) const { return kind == wanted && text == spelled; }
  bool name(const char* spelled) const { return is(TokenKind::kName, spelled); }
  bool op(const char* spelled) const { return is(TokenKind::kOperator, spelled); }
};

/// A mistake in the text of a template, found by lexer or parser.
struct SyntaxError {
  std::uint32_t line;
  std::string message;
};

/// `source` must be well-formed UTF-8. The last token is kEnd. Throws SyntaxError.
std::vector<Token> tokenize(const std::string& source);

}  // namespace trireme::jinja
