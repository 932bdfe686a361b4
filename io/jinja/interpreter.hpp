// Runs a parsed template: Python's semantics for the values, Jinja2's for scopes and undefined names.
#pragma once

#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "io/jinja/nodes.hpp"
#include "io/jinja/value.hpp"

namespace trireme::jinja {

/// The names that one block can see: its own and those of the blocks around it.
struct Scope : Object {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string, Value>> names;

  /// Null where nobody set the name.
  const Value* find(const std::string& name) const;
  void set(const std::string& name, Value value);
};

struct MacroValue : Callable {
  const Macro* macro = nullptr;
  Scope* scope = nullptr;  ///< where it was defined
};

/// What a call passes. A function takes its parameters by take(), in order, and then calls done().
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
  std::string callee;  ///< for messages

  /// The next argument by position, or the one of that name, or `otherwise`.
  Value take(const char* name, Value otherwise);
  Value take(const char* name);  ///< Failure where it is missing
  std::size_t used = 0;
  /// Failure when an argument is left over.
  void done() const;
};

class Interpreter {
 public:
  Interpreter(Budget& budget, std::time_t now);

  /// Renders `tree` with the variables that `globals` sets. Throws Failure; line() says where.
  std::string run(const Tree& tree, std::vector<std::pair<std::string, Value>> globals);
  std::uint32_t line() const { return line_; }

  Heap& heap() { return heap_; }
  Budget& budget() { return budget_; }
  std::time_t now() const { return now_; }

  Value call(const Value& callee, Arguments& arguments);
  Value filter(const std::string& name, const Value& value, Arguments& arguments);
  bool test(const std::string& name, const Value& value, Arguments& arguments);
  /// obj.name and obj[key], undefined where there is nothing.
  Value attribute(const Value& object, const std::string& name);
  Value item(const Value& object, const Value& key);

 private:
  enum class Flow : std::uint8_t { kNext, kBreak, kContinue };

  Flow execute(const Block& block, Scope& scope, std::string& out);
  Flow execute(const Statement& statement, Scope& scope, std::string& out);
  Flow loop(const Statement& statement, Scope& scope, std::string& out);
  Flow branch(const Statement& statement, Scope& scope, std::string& out);
  void set_block(const Statement& statement, Scope& scope);
  Flow filter_block(const Statement& statement, Scope& scope, std::string& out);
  Flow with(const Statement& statement, Scope& scope, std::string& out);
  void call_block(const Statement& statement, Scope& scope, std::string& out);
  std::vector<Value> loop_items(const Statement& statement, Scope& scope);
  void assign(const Target& target, const Value& value, Scope& scope);
  void emit(std::string_view text, std::string& out);
  Value make_macro(const Macro& macro, Scope& scope);
  Value call_macro(const MacroValue& callee, Arguments& arguments);
  Scope& new_scope(Scope& parent);

  Value evaluate(const Expression& expression, Scope& scope);
  Value evaluate_name(const Expression& expression, Scope& scope);
  Value evaluate_items(const Expression& expression, Scope& scope);
  Value evaluate_compare(const Expression& expression, Scope& scope);
  Value evaluate_join(const Expression& expression, Scope& scope);
  Value evaluate_slice(const Expression& expression, Scope& scope);
  Value evaluate_call(const Expression& expression, Scope& scope, const Value* caller);
  Value evaluate_filter(const Expression& expression, Scope& scope, const Value* block);
  Arguments arguments_of(const Expression& expression, Scope& scope);

  Budget& budget_;
  Heap heap_;
  std::time_t now_;
  std::uint32_t line_ = 1;
  std::size_t written_ = 0;  ///< bytes of all texts that statements wrote
};

// What the names of a template lead to; null for unknown ones. A method's self is the value it belongs to, and a
// filter's or a test's is the value before it.
Native find_filter(const std::string& name);
Native find_test(const std::string& name);
Native find_function(const std::string& name);
Native find_string_method(const std::string& name);
Native find_dict_method(const std::string& name);
Native find_list_method(const std::string& name);
Native find_loop_method(const std::string& name);
/// Whether Python's type has the attribute, though it is not supported or not allowed here.
bool refused_attribute(Kind kind, const std::string& name);

}  // namespace trireme::jinja
