// The tree of a parsed template. Nodes lie in a Tree and point at each other, so freeing them needs no recursion.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace trireme::jinja {

enum class ExpressionKind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kName,
  kList,
  kTuple,
  kDict,       ///< operands: key, value, key, value, …
  kAttribute,  ///< operands[0].text
  kItem,       ///< operands[0][operands[1]]
  kSlice,      ///< operands[0][operands[1]:operands[2]:operands[3]], each of the three may be null
  kCall,       ///< operands[0](the other operands, named)
  kFilter,     ///< operands[0] | text(the other operands, named); null for what a block makes
  kTest,       ///< operands[0] is text(the other operands, named)
  kNot,
  kNegative,
  kPositive,
  kArithmetic,  ///< operands[0] text operands[1]: + - * / // % **
  kJoin,        ///< ~ between all operands
  kAnd,
  kOr,
  kCompare,      ///< operands[0] words[0] operands[1] words[1] operands[2] …: == != < <= > >= in, not in
  kConditional,  ///< operands[0] if operands[1] else operands[2], which may be null
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kNone;
  std::uint32_t line = 0;
  std::uint32_t depth = 1;  ///< longest way down to a leaf
  std::string text;
  std::int64_t integer = 0;
  double floating = 0.0;
  std::vector<Expression*> operands;
  std::vector<std::string> words;
  std::vector<std::pair<std::string, Expression*>> named;
  Expression* unpacked = nullptr;        ///< *x of a call
  Expression* unpacked_named = nullptr;  ///< **x of a call
};

enum class StatementKind : std::uint8_t {
  kText,   ///< text
  kPrint,  ///< expression
  kIf,     ///< branches; body: else
  kFor,    ///< target in expression if condition: body, otherwise
  kBreak,
  kContinue,
  kSet,          ///< target = expression
  kSetBlock,     ///< target = body, through the filters of expression (may be null)
  kMacro,        ///< macro
  kCallBlock,    ///< expression (a call), with macro as its caller
  kFilterBlock,  ///< body through the filters of expression
  kWith,         ///< assignments, body
  kScope,        ///< body in a scope of its own: generation
};

struct Statement;
using Block = std::vector<Statement*>;

/// A name, an attribute of a namespace, or several of them.
struct Target {
  std::string name;
  std::string attribute;        ///< empty for a plain name
  std::vector<Target> several;  ///< when not empty, the value is unpacked into these
  bool tuple = false;
};

struct Macro {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<Expression*> defaults;  ///< of the last parameters
  Block body;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  std::uint32_t line = 0;
  std::string text;
  Expression* expression = nullptr;
  Expression* condition = nullptr;
  Target target;
  std::vector<std::pair<Expression*, Block>> branches;
  std::vector<std::pair<Target, Expression*>> assignments;
  Block body;
  Block otherwise;
  Macro macro;
};

struct Tree {
  std::deque<Expression> expressions;
  std::deque<Statement> statements;
  Block root;
};

}  // namespace trireme::jinja
