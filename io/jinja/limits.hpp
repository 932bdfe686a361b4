// What a template may use, and the count of it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace trireme::jinja {

/// Templates come from strangers. A template that asks for more than one of these is refused with a sentence.
struct Limits {
  std::size_t source = 1 << 20;      ///< bytes of a template
  std::size_t output = 64 << 20;     ///< bytes of the rendered text
  std::size_t memory = 256 << 20;    ///< bytes of all values that a rendering makes, alive or not
  std::uint64_t steps = 50'000'000;  ///< expressions, statements and list elements that a rendering works on
  std::uint32_t depth = 400;         ///< calls of macros and expressions inside each other at run time
  static constexpr std::uint32_t kNesting = 150;  ///< brackets, blocks and operators inside each other in a template
  static constexpr std::uint32_t kValues = 100;   ///< lists and dictionaries inside each other
};

/// Something that a template does wrong. Only the interpreter sees it: it adds the template's name and the line, and
/// throws base::InputError.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Counts what one rendering uses. Throws Failure beyond a limit.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits) {}

  void steps(std::uint64_t count) {
    steps_ += count;
    if (steps_ > limits_.steps || count > limits_.steps) throw Failure("the template does not end: too many steps");
  }
  void bytes(std::size_t count) {
    if (count > limits_.memory - bytes_) {
      throw Failure("the template needs more than " + std::to_string(limits_.memory >> 20) + " MiB of memory");
    }
    bytes_ += count;
  }
  const Limits& limits() const { return limits_; }

 private:
  friend class Level;
  Limits limits_;
  std::uint64_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::uint32_t depth_ = 0;
};

/// One call inside others, for as long as it lives; also a step.
class Level {
 public:
  explicit Level(Budget& budget) : budget_(budget) {
    if (budget.depth_ >= budget.limits_.depth) throw Failure("calls and expressions are nested too deeply");
    budget.steps(1);
    ++budget.depth_;
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --budget_.depth_; }

 private:
  Budget& budget_;
};

}  // namespace trireme::jinja
