#include <algorithm>
#include <iterator>
#include <utility>

#include "io/jinja/limits.hpp"
#include "io/jinja/parser.hpp"

namespace trireme::jinja {
namespace {

class StatementParser : ExpressionParser {
 public:
  StatementParser(std::vector<Token> tokens, Tree& tree) : ExpressionParser(std::move(tokens), tree) {}

  void run() {
    tree().root = statements({});
    if (now().kind != TokenKind::kEnd) fail("there is no block that this could end");
  }

 private:
  using Ends = std::vector<const char*>;

  Statement* make(StatementKind kind) {
    Statement& made = tree().statements.emplace_back();
    made.kind = kind;
    made.line = now().line;
    return &made;
  }

  void block_end() {
    if (now().kind != TokenKind::kBlockEnd) fail_unexpected();
    next();
  }

  // Statements up to "{% NAME" for one of `ends`, whose "{%" is passed; all of them where `ends` is empty.
  Block statements(const Ends& ends) {
    const Nested nested(*this);
    Block block;
    for (;;) {
      switch (now().kind) {
        case TokenKind::kEnd:
          if (!ends.empty()) fail(std::string("a block has no end: {% ") + ends.back() + " %} is missing");
          return block;
        case TokenKind::kData:
          block.push_back(make(StatementKind::kText));
          block.back()->text = next().text;
          break;
        case TokenKind::kPrint:
          next();
          block.push_back(make(StatementKind::kPrint));
          block.back()->expression = tuple(true);
          if (now().kind != TokenKind::kPrintEnd) fail_unexpected();
          next();
          break;
        case TokenKind::kBlock: {
          next();
          const bool ended = std::ranges::any_of(ends, [&](const char* name) { return now().name(name); });
          if (ended) return block;
          statement(block);
          block_end();
          break;
        }
        default: fail_unexpected();
      }
    }
  }

  // The statements of a block: behind its tag and up to one of `ends`.
  Block body(const Ends& ends) {
    skip_op(":");
    block_end();
    return statements(ends);
  }
  Block body_to(const char* end) {
    Block block = body({end});
    next();
    return block;
  }

  void statement(Block& block) {
    if (now().kind != TokenKind::kName) fail_unexpected();
    const std::string name = now().text;
    if (name == "print") return print(block);
    block.push_back(parse_statement(name));
  }

  Statement* parse_statement(const std::string& name) {
    if (name == "if") return branches();
    if (name == "for") return loop();
    if (name == "set") return set();
    if (name == "macro") return macro();
    if (name == "call") return call_block();
    if (name == "filter") return filter_block();
    if (name == "with") return with();
    if (name == "generation") return generation();
    if (name == "break" || name == "continue") return jump(name);
    static constexpr const char* kKnown[] = {"include", "import", "from", "extends", "block", "autoescape", "do"};
    if (std::ranges::find(kKnown, name) != std::end(kKnown)) fail("{% " + name + " %} is not supported");
    fail("there is no statement {% " + name + " %} here");
  }

  void print(Block& block) {
    next();
    for (bool first = true; now().kind != TokenKind::kBlockEnd; first = false) {
      if (!first) expect_op(",");
      block.push_back(make(StatementKind::kPrint));
      block.back()->expression = expression();
    }
  }

  Statement* branches() {
    Statement* const made = make(StatementKind::kIf);
    for (bool more = true; more;) {
      next();
      Expression* const condition = tuple(false);
      made->branches.emplace_back(condition, body({"elif", "else", "endif"}));
      more = now().name("elif");
    }
    if (next().text == "else") made->body = body_to("endif");
    return made;
  }

  Statement* loop() {
    Statement* const made = make(StatementKind::kFor);
    next();
    made->target = target("in", false);
    if (!skip_name("in")) fail("expected 'in' in {% for %}");
    made->expression = tuple(false, "recursive");
    if (skip_name("if")) made->condition = expression();
    if (now().name("recursive")) fail("{% for … recursive %} is not supported");
    ++loops_;
    made->body = body({"endfor", "else"});
    --loops_;
    if (next().text == "else") made->otherwise = body_to("endfor");
    return made;
  }

  Statement* jump(const std::string& name) {
    if (loops_ == 0) fail("{% " + name + " %} is outside a loop");
    Statement* const made = make(name == "break" ? StatementKind::kBreak : StatementKind::kContinue);
    next();
    return made;
  }

  Statement* set() {
    Statement* const made = make(StatementKind::kSet);
    next();
    made->target = target(nullptr, true);
    if (skip_op("=")) {
      made->expression = tuple(true);
      return made;
    }
    made->kind = StatementKind::kSetBlock;
    made->expression = filters(nullptr, false);
    made->body = body_to("endset");
    return made;
  }

  // A body that is a function of its own: a loop around it is out of reach.
  Block function_body(const char* end, Macro& macro) {
    specials_.emplace_back();
    const int loops = std::exchange(loops_, 0);
    Block block = body_to(end);
    loops_ = loops;
    macro.uses_varargs = specials_.back().varargs;
    macro.uses_kwargs = specials_.back().kwargs;
    macro.uses_caller = specials_.back().caller;
    specials_.pop_back();
    return block;
  }

  void signature(Macro& macro) {
    expect_op("(");
    while (!now().op(")")) {
      if (!macro.parameters.empty()) expect_op(",");
      macro.parameters.push_back(target_name());
      if (skip_op("=")) {
        macro.defaults.push_back(expression());
      } else if (!macro.defaults.empty()) {
        fail("a parameter without a default follows one with a default");
      }
    }
    expect_op(")");
  }

  Statement* macro() {
    Statement* const made = make(StatementKind::kMacro);
    next();
    made->macro.name = target_name();
    signature(made->macro);
    made->macro.body = function_body("endmacro", made->macro);
    return made;
  }

  Statement* call_block() {
    Statement* const made = make(StatementKind::kCallBlock);
    next();
    made->macro.name = "caller";
    if (now().op("(")) signature(made->macro);
    made->expression = expression();
    if (made->expression->kind != ExpressionKind::kCall) fail("{% call %} needs a call");
    made->macro.body = function_body("endcall", made->macro);
    return made;
  }

  Statement* filter_block() {
    Statement* const made = make(StatementKind::kFilterBlock);
    next();
    made->expression = filters(nullptr, true);
    made->body = body_to("endfilter");
    return made;
  }

  Statement* with() {
    Statement* const made = make(StatementKind::kWith);
    next();
    while (now().kind != TokenKind::kBlockEnd) {
      if (!made->assignments.empty()) expect_op(",");
      Target into = target(nullptr, false);
      expect_op("=");
      made->assignments.emplace_back(std::move(into), expression());
    }
    made->body = body_to("endwith");
    return made;
  }

  Statement* generation() {
    Statement* const made = make(StatementKind::kScope);
    next();
    made->body = function_body("endgeneration", made->macro);
    return made;
  }

  int loops_ = 0;  // around the present place, in the same function
};

}  // namespace

void parse(const std::string& source, Tree& tree) { StatementParser(tokenize(source), tree).run(); }

}  // namespace trireme::jinja
