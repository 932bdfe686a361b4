// Statements.
#include "io/jinja/interpreter.hpp"

#include <algorithm>

#include "io/jinja/operations.hpp"

namespace trireme::jinja {
namespace {

constexpr std::size_t kScopeBytes = 128;

}  // namespace

const Value* Scope::find(const std::string& name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent) {
    for (const auto& [known, value] : scope->names) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(const std::string& name, Value value) {
  for (auto& [known, old] : names) {
    if (known == name) {
      old = value;
      return;
    }
  }
  names.emplace_back(name, value);
}

Interpreter::Interpreter(Budget& budget, std::time_t now) : budget_(budget), heap_(budget), now_(now) {}

std::string Interpreter::run(const Tree& tree, std::vector<std::pair<std::string, Value>> globals) {
  Scope& given = *heap_.make<Scope>(kScopeBytes);
  given.names = std::move(globals);
  std::string out;
  execute(tree.root, new_scope(given), out);
  return out;
}

Scope& Interpreter::new_scope(Scope& parent) {
  Scope* const scope = heap_.make<Scope>(kScopeBytes);
  scope->parent = &parent;
  return *scope;
}

void Interpreter::emit(std::string_view text, std::string& out) {
  written_ += text.size();
  if (written_ > budget_.limits().output) {
    throw Failure("the template writes more than " + std::to_string(budget_.limits().output >> 20) + " MiB");
  }
  out += text;
}

Interpreter::Flow Interpreter::execute(const Block& block, Scope& scope, std::string& out) {
  for (const Statement* statement : block) {
    if (const Flow flow = execute(*statement, scope, out); flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, Scope& scope, std::string& out) {
  const Level level(budget_);
  line_ = statement.line;
  switch (statement.kind) {
    case StatementKind::kText: emit(statement.text, out); break;
    case StatementKind::kPrint: emit(to_text(evaluate(*statement.expression, scope), budget_), out); break;
    case StatementKind::kIf: return branch(statement, scope, out);
    case StatementKind::kFor: return loop(statement, scope, out);
    case StatementKind::kBreak: return Flow::kBreak;
    case StatementKind::kContinue: return Flow::kContinue;
    case StatementKind::kSet: assign(statement.target, evaluate(*statement.expression, scope), scope); break;
    case StatementKind::kSetBlock: set_block(statement, scope); break;
    case StatementKind::kMacro: scope.set(statement.macro.name, make_macro(statement.macro, scope)); break;
    case StatementKind::kCallBlock: call_block(statement, scope, out); break;
    case StatementKind::kFilterBlock: return filter_block(statement, scope, out);
    case StatementKind::kWith: return with(statement, scope, out);
    case StatementKind::kScope: return execute(statement.body, new_scope(scope), out);
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::branch(const Statement& statement, Scope& scope, std::string& out) {
  for (const auto& [condition, block] : statement.branches) {
    if (truth(evaluate(*condition, scope))) return execute(block, scope, out);
  }
  return execute(statement.body, scope, out);
}

// The elements that the loop goes through: those of its list that fulfil its condition.
std::vector<Value> Interpreter::loop_items(const Statement& statement, Scope& scope) {
  std::vector<Value> items = elements(evaluate(*statement.expression, scope), heap_);
  if (statement.condition == nullptr) return items;
  std::vector<Value> chosen;
  for (const Value& item : items) {
    Scope& inner = new_scope(scope);
    assign(statement.target, item, inner);
    if (truth(evaluate(*statement.condition, inner))) chosen.push_back(item);
  }
  return chosen;
}

Interpreter::Flow Interpreter::loop(const Statement& statement, Scope& scope, std::string& out) {
  Loop& loop = *heap_.make<Loop>();
  loop.items = loop_items(statement, scope);
  budget_.bytes(loop.items.capacity() * sizeof(Value));
  bool completed = false;  // some round came to its end: as in Jinja2, only then is there no {% else %}
  for (; loop.index < loop.items.size(); ++loop.index) {
    budget_.steps(1);
    Scope& inner = new_scope(scope);
    inner.set("loop", Value::of(Kind::kLoop, &loop));
    assign(statement.target, loop.items[loop.index], inner);
    const Flow flow = execute(statement.body, inner, out);
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNext) completed = true;
  }
  return completed ? Flow::kNext : execute(statement.otherwise, new_scope(scope), out);
}

void Interpreter::assign(const Target& target, const Value& value, Scope& scope) {
  if (target.tuple) {
    const std::vector<Value> items = elements(value, heap_);
    if (items.size() != target.several.size()) {
      throw Failure("cannot unpack " + std::to_string(items.size()) + " values into " +
                    std::to_string(target.several.size()) + " names");
    }
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.several[i], items[i], scope);
    return;
  }
  if (target.attribute.empty()) return scope.set(target.name, value);
  const Value* const owner = scope.find(target.name);
  if (owner == nullptr || !owner->is(Kind::kNamespace)) {
    throw Failure("cannot set " + target.name + "." + target.attribute + ": " + target.name + " is no namespace");
  }
  if (target.attribute.starts_with('_')) throw Failure("a namespace cannot hold the name " + target.attribute);
  for (auto& [name, old] : owner->names().items) {
    if (name == target.attribute) {
      old = value;
      return;
    }
  }
  budget_.bytes(kScopeBytes);
  owner->names().items.emplace_back(target.attribute, value);
}

void Interpreter::set_block(const Statement& statement, Scope& scope) {
  std::string text;
  Scope& inner = new_scope(scope);
  if (execute(statement.body, inner, text) != Flow::kNext) throw Failure("a loop is left inside {% set %}");
  Value value = heap_.string(std::move(text));
  if (statement.expression != nullptr) value = evaluate_filter(*statement.expression, inner, &value);
  assign(statement.target, value, scope);
}

Interpreter::Flow Interpreter::filter_block(const Statement& statement, Scope& scope, std::string& out) {
  std::string text;
  Scope& inner = new_scope(scope);
  if (execute(statement.body, inner, text) != Flow::kNext) throw Failure("a loop is left inside {% filter %}");
  const Value value = heap_.string(std::move(text));
  emit(to_text(evaluate_filter(*statement.expression, inner, &value), budget_), out);
  return Flow::kNext;
}

Interpreter::Flow Interpreter::with(const Statement& statement, Scope& scope, std::string& out) {
  Scope& inner = new_scope(scope);
  for (const auto& [target, expression] : statement.assignments) assign(target, evaluate(*expression, scope), inner);
  return execute(statement.body, inner, out);
}

void Interpreter::call_block(const Statement& statement, Scope& scope, std::string& out) {
  const Value caller = make_macro(statement.macro, scope);
  emit(to_text(evaluate_call(*statement.expression, scope, &caller), budget_), out);
}

Value Interpreter::make_macro(const Macro& macro, Scope& scope) {
  MacroValue* const made = heap_.make<MacroValue>();
  made->name = macro.name;
  made->macro = &macro;
  made->scope = &scope;
  return Value::of(Kind::kCallable, made);
}

Value Interpreter::call_macro(const MacroValue& callee, Arguments& arguments) {
  const Macro& macro = *callee.macro;
  Scope& scope = new_scope(*callee.scope);
  const std::size_t first_default = macro.parameters.size() - macro.defaults.size();
  for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
    const std::string& name = macro.parameters[i];
    const auto named = std::ranges::find(arguments.named, name, &std::pair<std::string, Value>::first);
    if (i < arguments.positional.size()) {
      if (named != arguments.named.end()) throw Failure("macro " + macro.name + " gets " + name + " twice");
      scope.set(name, arguments.positional[i]);
    } else if (named != arguments.named.end()) {
      scope.set(name, named->second);
      arguments.named.erase(named);
    } else if (i >= first_default) {
      scope.set(name, evaluate(*macro.defaults[i - first_default], scope));
    } else {
      scope.set(name, heap_.undefined("parameter '" + name + "' was not provided"));
    }
  }
  const auto caller = std::ranges::find(arguments.named, "caller", &std::pair<std::string, Value>::first);
  if (macro.uses_caller) {
    const bool given = caller != arguments.named.end();
    scope.set("caller", given ? caller->second : heap_.undefined("No caller defined"));
    if (given) arguments.named.erase(caller);
  }
  if (macro.uses_kwargs) {
    Dict* const dict = heap_.make<Dict>(arguments.named.size() * 2 * sizeof(Value));
    for (auto& [name, value] : arguments.named) dict->items.emplace_back(heap_.string(name), value);
    scope.set("kwargs", Value::of(Kind::kDict, dict));
  } else if (!arguments.named.empty()) {
    throw Failure("macro " + macro.name + " takes no argument " + arguments.named.front().first);
  }
  const std::size_t count = std::min(arguments.positional.size(), macro.parameters.size());
  const std::vector<Value> rest(arguments.positional.begin() + static_cast<std::ptrdiff_t>(count),
                                arguments.positional.end());
  if (macro.uses_varargs) {
    scope.set("varargs", heap_.tuple(rest));
  } else if (!rest.empty()) {
    throw Failure("macro " + macro.name + " takes not more than " + std::to_string(count) + " arguments");
  }
  std::string text;
  execute(macro.body, scope, text);
  return heap_.string(std::move(text));
}

}  // namespace trireme::jinja
