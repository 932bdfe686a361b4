// Tokens into a tree, by the grammar of Jinja2 3.1 with the loopcontrols extension and transformers' {% generation %}.
#pragma once

#include <string>
#include <vector>

#include "io/jinja/lexer.hpp"
#include "io/jinja/nodes.hpp"

namespace trireme::jinja {

/// Parses expressions; StatementParser builds on it. Depths are those of the tree and of this code's own recursion:
/// beyond Limits::kNesting both throw SyntaxError.
class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, Tree& tree) : tokens_(std::move(tokens)), tree_(tree) {}

 protected:
  const Token& now() const { return tokens_[at_]; }
  const Token& behind() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Token next();
  bool skip_name(const char* name);
  bool skip_op(const char* op);
  void expect_op(const char* op);
  std::string expect_name();
  [[noreturn]] void fail(const std::string& message) const { throw SyntaxError{now().line, message}; }
  [[noreturn]] void fail_unexpected() const;

  Expression* expression();
  /// A tuple without parentheses, or one expression. `conditional`: whether "a if b else c" may stand there.
  Expression* tuple(bool conditional, const char* end_name = nullptr, bool parentheses = false);
  /// "name(arguments) | name …" behind `value` (null in blocks); `started`: the first "|" is left out.
  Expression* filters(Expression* value, bool started);
  Target target(const char* end_name, bool attributes);
  std::string target_name();
  Tree& tree() { return tree_; }

  /// The names varargs, kwargs and caller that the macros around the present place use.
  struct Specials {
    bool varargs = false, kwargs = false, caller = false;
  };
  std::vector<Specials> specials_;

  class Nested;
  std::uint32_t nesting_ = 0;

 private:
  Expression* make(ExpressionKind kind, std::uint32_t line);
  Expression* finish(Expression* made) const;
  Expression* either();
  Expression* both();
  Expression* negation();
  Expression* comparison();
  Expression* sum();
  Expression* join();
  Expression* product();
  Expression* power();
  Expression* unary(bool with_filters);
  Expression* primary();
  Expression* named_value();
  Expression* list();
  Expression* dict();
  Expression* postfix(Expression* value);
  Expression* subscript(Expression* value);
  Expression* slice(Expression* value, Expression* first, std::uint32_t line);
  Expression* call(Expression* callee);
  Expression* filter_or_test(Expression* value);
  Expression* test(Expression* value);
  void arguments(Expression* into);
  std::string dotted_name();
  Target primary_target(bool attributes);

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  Tree& tree_;
};

/// Counts how deep the parser's own recursion is.
class ExpressionParser::Nested {
 public:
  explicit Nested(ExpressionParser& parser);
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;
  ~Nested() { --parser_.nesting_; }

 private:
  ExpressionParser& parser_;
};

/// Parses a whole template. Throws SyntaxError, which names constructs of Jinja2 that are not supported.
void parse(const std::string& source, Tree& tree);

}  // namespace trireme::jinja
