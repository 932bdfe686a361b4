#include "launcher/sweep/expression.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "launcher/options/number.hpp"

namespace trireme::launcher {

using base::InputError;
using base::str;

struct Constraint::Node {
  std::string operation;  ///< "number", "name", "negate", "not", or the operator
  double number = 0;
  std::string name;
  std::vector<std::shared_ptr<const Node>> parts = {};
};

namespace {

using Node = Constraint::Node;
using Part = std::shared_ptr<const Node>;

constexpr int kDeepest = 100;  // parentheses and signs within each other

bool begins_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.'; }
bool is_comparison(const std::string& token) {
  return token == "=" || token == "==" || token == "!=" || token == "<" || token == "<=" || token == ">" ||
         token == ">=";
}

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text) { next(); }

  Part whole() {
    Part part = disjunction();
    if (!token_.empty()) fail(str("'", token_, "' is one word too many"));
    if (!yields_truth(*part)) fail("it compares nothing");
    return part;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw InputError(str("[sweep] constraint '", text_, "' is not understood: ", why,
                         "; it compares numbers, as in lr * layers <= 0.1"));
  }

  void next() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    const std::size_t begin = at_;
    if (at_ == text_.size()) {
      token_.clear();
    } else if (begins_name(text_[at_])) {
      while (at_ < text_.size() && in_name(text_[at_])) ++at_;
      token_ = text_.substr(begin, at_ - begin);
    } else if (std::isdigit(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '.') {
      take_number();
      token_ = text_.substr(begin, at_ - begin);
    } else {
      const bool two = at_ + 1 < text_.size() && text_[at_ + 1] == '=' && std::string("<>!=").find(text_[at_]) < 4;
      at_ += two ? 2 : 1;
      token_ = text_.substr(begin, at_ - begin);
    }
  }

  void take_number() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool sign = (c == '+' || c == '-') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
      if (!sign && !in_name(c)) break;
      ++at_;
    }
  }

  bool take(const std::string& token) {
    if (token_ != token) return false;
    next();
    return true;
  }

  static Part make(const std::string& operation, std::vector<Part> parts) {
    return std::make_shared<const Node>(Node{operation, 0, "", std::move(parts)});
  }
  static bool yields_truth(const Node& node) {
    return node.operation == "and" || node.operation == "or" || node.operation == "not" ||
           is_comparison(node.operation);
  }
  Part truth(Part part) const {
    if (!yields_truth(*part)) fail("'and', 'or' and 'not' join comparisons");
    return part;
  }
  Part number(Part part) const {
    if (yields_truth(*part)) fail("a comparison is no number");
    return part;
  }

  Part disjunction() {
    Part left = conjunction();
    while (take("or")) left = make("or", {truth(left), truth(conjunction())});
    return left;
  }
  Part conjunction() {
    Part left = negation();
    while (take("and")) left = make("and", {truth(left), truth(negation())});
    return left;
  }
  Part negation() {
    const Depth depth(*this);
    if (take("not")) return make("not", {truth(negation())});
    return comparison();
  }
  Part comparison() {
    Part left = sum();
    if (!is_comparison(token_)) return left;
    const std::string operation = token_ == "==" ? "=" : token_;
    next();
    return make(operation, {number(left), number(sum())});
  }
  Part sum() {
    Part left = product();
    while (token_ == "+" || token_ == "-") left = binary(left, &Parser::product);
    return left;
  }
  Part product() {
    Part left = factor();
    while (token_ == "*" || token_ == "/" || token_ == "%") left = binary(left, &Parser::factor);
    return left;
  }
  Part binary(const Part& left, Part (Parser::*operand)()) {
    const std::string operation = token_;
    next();
    return make(operation, {number(left), number((this->*operand)())});
  }
  Part factor() {
    const Depth depth(*this);
    if (take("-")) return make("negate", {number(factor())});
    if (take("(")) {
      Part inner = disjunction();
      if (!take(")")) fail("a ')' is missing");
      return inner;
    }
    if (token_.empty()) fail("it ends too early");
    const std::string token = token_;
    next();
    if (begins_name(token[0])) return std::make_shared<const Node>(Node{"name", 0, token});
    const auto value = options::parse_number(token);
    if (!value) fail(str("'", token, "' is neither a number, a name nor an operator"));
    return std::make_shared<const Node>(Node{"number", *value, ""});
  }

  struct Depth {
    explicit Depth(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kDeepest) parser_.fail("it is nested too deeply");
    }
    ~Depth() { --parser_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    Parser& parser_;
  };

  const std::string& text_;
  std::size_t at_ = 0;
  std::string token_;
  int depth_ = 0;
};

void collect(const Node& node, std::vector<std::string>& names) {
  if (node.operation == "name" && std::ranges::count(names, node.name) == 0) names.push_back(node.name);
  for (const Part& part : node.parts) collect(*part, names);
}

/// Truth is 1 or 0.
double value_of(const Node& node, const Constraint::Lookup& lookup) {
  if (node.operation == "number") return node.number;
  if (node.operation == "name") return lookup(node.name).value_or(std::nan(""));
  const double left = value_of(*node.parts[0], lookup);
  if (node.operation == "negate") return -left;
  if (node.operation == "not") return left == 0 ? 1 : 0;
  const double right = value_of(*node.parts[1], lookup);
  if (node.operation == "+") return left + right;
  if (node.operation == "-") return left - right;
  if (node.operation == "*") return left * right;
  if (node.operation == "/") return left / right;
  if (node.operation == "%") return std::fmod(left, right);
  if (node.operation == "and") return left != 0 && right != 0 ? 1 : 0;
  if (node.operation == "or") return left != 0 || right != 0 ? 1 : 0;
  if (node.operation == "=") return left == right ? 1 : 0;
  if (node.operation == "!=") return left < right || left > right ? 1 : 0;
  if (node.operation == "<") return left < right ? 1 : 0;
  if (node.operation == "<=") return left <= right ? 1 : 0;
  if (node.operation == ">") return left > right ? 1 : 0;
  return left >= right ? 1 : 0;
}

}  // namespace

Constraint::Constraint(const std::string& text) : text_(text), root_(Parser(text_).whole()) { collect(*root_, names_); }

bool Constraint::holds(const Lookup& lookup) const {
  for (const std::string& name : names_) {
    if (!lookup(name)) return true;
  }
  return value_of(*root_, lookup) != 0;
}

}  // namespace trireme::launcher
