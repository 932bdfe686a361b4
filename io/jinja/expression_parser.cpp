#include <algorithm>
#include <utility>

#include "io/jinja/limits.hpp"
#include "io/jinja/parser.hpp"

namespace trireme::jinja {
namespace {

std::string spelled(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd: return "the end of the template";
    case TokenKind::kBlockEnd: return "%}";
    case TokenKind::kPrintEnd: return "}}";
    case TokenKind::kString: return "a string";
    case TokenKind::kInteger:
    case TokenKind::kFloat: return "a number";
    default: return "'" + token.text.substr(0, 40) + "'";
  }
}

bool is_comparison(const Token& token) {
  return token.kind == TokenKind::kOperator && (token.text == "==" || token.text == "!=" || token.text == "<" ||
                                                token.text == "<=" || token.text == ">" || token.text == ">=");
}

// Whether a test takes this token as its argument without parentheses: "x is divisibleby 3".
bool begins_argument(const Token& token) {
  switch (token.kind) {
    case TokenKind::kName: return token.text != "else" && token.text != "or" && token.text != "and";
    case TokenKind::kString:
    case TokenKind::kInteger:
    case TokenKind::kFloat: return true;
    case TokenKind::kOperator: return token.text == "(" || token.text == "[" || token.text == "{";
    default: return false;
  }
}

}  // namespace

ExpressionParser::Nested::Nested(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.nesting_ > Limits::kNesting) {
    --parser_.nesting_;  // no destructor runs
    parser_.fail("the template is nested too deeply");
  }
}

Token ExpressionParser::next() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::skip_name(const char* name) {
  if (!now().name(name)) return false;
  next();
  return true;
}

bool ExpressionParser::skip_op(const char* op) {
  if (!now().op(op)) return false;
  next();
  return true;
}

void ExpressionParser::expect_op(const char* op) {
  if (!skip_op(op)) fail(std::string("expected '") + op + "' instead of " + spelled(now()));
}

std::string ExpressionParser::expect_name() {
  if (now().kind != TokenKind::kName) fail("expected a name instead of " + spelled(now()));
  return next().text;
}

void ExpressionParser::fail_unexpected() const { fail("unexpected " + spelled(now())); }

Expression* ExpressionParser::make(ExpressionKind kind, std::uint32_t line) {
  Expression& made = tree_.expressions.emplace_back();
  made.kind = kind;
  made.line = line;
  return &made;
}

// Sets the depth of an expression whose operands are complete.
Expression* ExpressionParser::finish(Expression* made) const {
  const auto consider = [&](const Expression* part) {
    if (part != nullptr) made->depth = std::max(made->depth, part->depth + 1);
  };
  for (const Expression* operand : made->operands) consider(operand);
  for (const auto& [name, value] : made->named) consider(value);
  consider(made->unpacked);
  consider(made->unpacked_named);
  if (made->depth > Limits::kNesting) fail("an expression is nested too deeply");
  return made;
}

Expression* ExpressionParser::expression() {
  const Nested nested(*this);
  Expression* value = either();
  while (now().name("if")) {
    Expression* const made = make(ExpressionKind::kConditional, next().line);
    made->operands = {value, either(), nullptr};
    if (skip_name("else")) made->operands[2] = expression();
    value = finish(made);
  }
  return value;
}

Expression* ExpressionParser::either() {
  Expression* value = both();
  while (now().name("or")) {
    Expression* const made = make(ExpressionKind::kOr, next().line);
    made->operands = {value, both()};
    value = finish(made);
  }
  return value;
}

Expression* ExpressionParser::both() {
  Expression* value = negation();
  while (now().name("and")) {
    Expression* const made = make(ExpressionKind::kAnd, next().line);
    made->operands = {value, negation()};
    value = finish(made);
  }
  return value;
}

Expression* ExpressionParser::negation() {
  if (!now().name("not")) return comparison();
  const Nested nested(*this);
  Expression* const made = make(ExpressionKind::kNot, next().line);
  made->operands = {negation()};
  return finish(made);
}

Expression* ExpressionParser::comparison() {
  Expression* const first = sum();
  Expression* made = nullptr;
  for (;;) {
    std::string word;
    if (is_comparison(now())) {
      word = now().text;
    } else if (now().name("in")) {
      word = "in";
    } else if (now().name("not") && behind().name("in")) {
      word = "not in";
      next();
    } else {
      break;
    }
    if (made == nullptr) {
      made = make(ExpressionKind::kCompare, now().line);
      made->operands = {first};
    }
    next();
    made->words.push_back(word);
    made->operands.push_back(sum());
  }
  return made == nullptr ? first : finish(made);
}

Expression* ExpressionParser::sum() {
  Expression* value = join();
  while (now().op("+") || now().op("-")) {
    Expression* const made = make(ExpressionKind::kArithmetic, now().line);
    made->text = next().text;
    made->operands = {value, join()};
    value = finish(made);
  }
  return value;
}

Expression* ExpressionParser::join() {
  Expression* const first = product();
  if (!now().op("~")) return first;
  Expression* const made = make(ExpressionKind::kJoin, now().line);
  made->operands = {first};
  while (skip_op("~")) made->operands.push_back(product());
  return finish(made);
}

Expression* ExpressionParser::product() {
  Expression* value = power();
  while (now().op("*") || now().op("/") || now().op("//") || now().op("%")) {
    Expression* const made = make(ExpressionKind::kArithmetic, now().line);
    made->text = next().text;
    made->operands = {value, power()};
    value = finish(made);
  }
  return value;
}

Expression* ExpressionParser::power() {
  Expression* value = unary(true);
  while (now().op("**")) {
    Expression* const made = make(ExpressionKind::kArithmetic, now().line);
    made->text = next().text;
    made->operands = {value, unary(true)};
    value = finish(made);
  }
  return value;
}

Expression* ExpressionParser::unary(bool with_filters) {
  Expression* value;
  if (now().op("-") || now().op("+")) {
    const Nested nested(*this);
    const Token sign = next();
    value = make(sign.text == "-" ? ExpressionKind::kNegative : ExpressionKind::kPositive, sign.line);
    value->operands = {unary(false)};
    finish(value);
  } else {
    value = primary();
  }
  value = postfix(value);
  return with_filters ? filter_or_test(value) : value;
}

Expression* ExpressionParser::primary() {
  const std::uint32_t line = now().line;
  switch (now().kind) {
    case TokenKind::kName: return named_value();
    case TokenKind::kString: {
      Expression* const made = make(ExpressionKind::kString, line);
      while (now().kind == TokenKind::kString) made->text += next().text;
      return made;
    }
    case TokenKind::kInteger: {
      Expression* const made = make(ExpressionKind::kInt, line);
      made->integer = next().integer;
      return made;
    }
    case TokenKind::kFloat: {
      Expression* const made = make(ExpressionKind::kFloat, line);
      made->floating = next().floating;
      return made;
    }
    default: break;
  }
  if (now().op("[")) return list();
  if (now().op("{")) return dict();
  if (!skip_op("(")) fail_unexpected();
  Expression* const inner = tuple(true, nullptr, true);
  expect_op(")");
  return inner;
}

Expression* ExpressionParser::named_value() {
  const Token name = next();
  const std::string& text = name.text;
  if (text == "true" || text == "True" || text == "false" || text == "False") {
    Expression* const made = make(ExpressionKind::kBool, name.line);
    made->integer = text == "true" || text == "True" ? 1 : 0;
    return made;
  }
  if (text == "none" || text == "None") return make(ExpressionKind::kNone, name.line);
  for (Specials& special : specials_) {
    special.varargs |= text == "varargs";
    special.kwargs |= text == "kwargs";
    special.caller |= text == "caller";
  }
  Expression* const made = make(ExpressionKind::kName, name.line);
  made->text = text;
  return made;
}

Expression* ExpressionParser::tuple(bool conditional, const char* end_name, bool parentheses) {
  const std::uint32_t line = now().line;
  std::vector<Expression*> parts;
  bool comma = false;
  for (;;) {
    const bool ends = now().kind == TokenKind::kPrintEnd || now().kind == TokenKind::kBlockEnd || now().op(")") ||
                      (end_name != nullptr && now().name(end_name));
    if (ends) break;
    parts.push_back(conditional ? expression() : either());
    if (!skip_op(",")) break;
    comma = true;
  }
  if (!comma && parts.size() == 1) return parts[0];
  if (!comma && !parentheses) fail("expected an expression instead of " + spelled(now()));
  Expression* const made = make(ExpressionKind::kTuple, line);
  made->operands = std::move(parts);
  return finish(made);
}

Expression* ExpressionParser::list() {
  Expression* const made = make(ExpressionKind::kList, next().line);
  while (!now().op("]")) {
    if (!made->operands.empty()) expect_op(",");
    if (now().op("]")) break;
    made->operands.push_back(expression());
  }
  expect_op("]");
  return finish(made);
}

Expression* ExpressionParser::dict() {
  Expression* const made = make(ExpressionKind::kDict, next().line);
  while (!now().op("}")) {
    if (!made->operands.empty()) expect_op(",");
    if (now().op("}")) break;
    made->operands.push_back(expression());
    expect_op(":");
    made->operands.push_back(expression());
  }
  expect_op("}");
  return finish(made);
}

Expression* ExpressionParser::postfix(Expression* value) {
  for (;;) {
    if (now().op(".") || now().op("[")) {
      value = subscript(value);
    } else if (now().op("(")) {
      value = call(value);
    } else {
      return value;
    }
  }
}

Expression* ExpressionParser::subscript(Expression* value) {
  const std::uint32_t line = now().line;
  if (skip_op(".")) {
    const bool number = now().kind == TokenKind::kInteger;
    if (!number && now().kind != TokenKind::kName) fail("expected a name or a number instead of " + spelled(now()));
    Expression* const made = make(number ? ExpressionKind::kItem : ExpressionKind::kAttribute, line);
    made->operands = {value};
    if (number) made->operands.push_back(primary());
    if (!number) made->text = next().text;
    return finish(made);
  }
  expect_op("[");
  Expression* const first = now().op(":") ? nullptr : expression();
  if (now().op(":")) return slice(value, first, line);
  if (now().op(",")) fail("an index of several parts is not supported");
  expect_op("]");
  Expression* const made = make(ExpressionKind::kItem, line);
  made->operands = {value, first};
  return finish(made);
}

Expression* ExpressionParser::slice(Expression* value, Expression* first, std::uint32_t line) {
  Expression* const made = make(ExpressionKind::kSlice, line);
  made->operands = {value, first, nullptr, nullptr};
  for (std::size_t part = 2; part < 4 && skip_op(":"); ++part) {
    if (!now().op(":") && !now().op("]")) made->operands[part] = expression();
  }
  expect_op("]");
  return finish(made);
}

void ExpressionParser::arguments(Expression* into) {
  expect_op("(");
  for (bool first = true; !now().op(")"); first = false) {
    if (!first) expect_op(",");
    if (now().op(")")) break;
    const bool only_named = !into->named.empty() || into->unpacked != nullptr || into->unpacked_named != nullptr;
    if (now().op("*") && into->unpacked == nullptr && into->unpacked_named == nullptr) {
      next();
      into->unpacked = expression();
    } else if (now().op("**") && into->unpacked_named == nullptr) {
      next();
      into->unpacked_named = expression();
    } else if (now().kind == TokenKind::kName && behind().op("=") && into->unpacked_named == nullptr) {
      const std::string name = next().text;
      next();
      into->named.emplace_back(name, expression());
    } else if (!only_named) {
      into->operands.push_back(expression());
    } else {
      fail("an argument without a name follows one with a name");
    }
  }
  expect_op(")");
}

Expression* ExpressionParser::call(Expression* callee) {
  Expression* const made = make(ExpressionKind::kCall, now().line);
  made->operands = {callee};
  arguments(made);
  return finish(made);
}

std::string ExpressionParser::dotted_name() {
  std::string name = expect_name();
  while (skip_op(".")) name += "." + expect_name();
  return name;
}

Expression* ExpressionParser::filters(Expression* value, bool started) {
  while (started || now().op("|")) {
    if (!started) next();
    started = false;
    Expression* const made = make(ExpressionKind::kFilter, now().line);
    made->text = dotted_name();
    made->operands = {value};
    if (now().op("(")) arguments(made);
    value = finish(made);
  }
  return value;
}

Expression* ExpressionParser::filter_or_test(Expression* value) {
  for (;;) {
    if (now().op("|")) {
      value = filters(value, false);
    } else if (now().name("is")) {
      value = test(value);
    } else if (now().op("(")) {
      value = call(value);
    } else {
      return value;
    }
  }
}

Expression* ExpressionParser::test(Expression* value) {
  Expression* made = make(ExpressionKind::kTest, next().line);
  const bool negated = skip_name("not");
  made->text = dotted_name();
  made->operands = {value};
  if (now().op("(")) {
    arguments(made);
  } else if (begins_argument(now())) {
    if (now().name("is")) fail("several tests in a row need parentheses");
    const Nested nested(*this);
    made->operands.push_back(postfix(primary()));
  }
  finish(made);
  if (!negated) return made;
  Expression* const outer = make(ExpressionKind::kNot, made->line);
  outer->operands = {made};
  return finish(outer);
}

std::string ExpressionParser::target_name() {
  std::string name = expect_name();
  for (const char* constant : {"true", "false", "True", "False", "none", "None"}) {
    if (name == constant) fail(name + " is no variable");
  }
  return name;
}

Target ExpressionParser::primary_target(bool attributes) {
  Target result;
  if (skip_op("(")) {
    const Nested nested(*this);
    result = target(nullptr, attributes);
    expect_op(")");
    return result;
  }
  result.name = target_name();
  if (now().op(".") && attributes) {
    next();
    result.attribute = expect_name();
  }
  return result;
}

Target ExpressionParser::target(const char* end_name, bool attributes) {
  Target result;
  for (;;) {
    if (now().kind == TokenKind::kBlockEnd || now().op(")") || now().op("=") ||
        (end_name != nullptr && now().name(end_name))) {
      break;
    }
    result.several.push_back(primary_target(attributes));
    if (!skip_op(",")) break;
    result.tuple = true;
  }
  if (result.several.empty()) fail("expected a name instead of " + spelled(now()));
  if (result.tuple) return result;
  Target only = std::move(result.several.front());
  return only;
}

}  // namespace trireme::jinja
