// Adds up the time that a thread spends in some scopes.
#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace trireme::launcher {

class Stopwatch {
 public:
  /// Counts the time of its life. Of scopes within each other only the outermost counts.
  class Scope {
   public:
    explicit Scope(Stopwatch& watch) : watch_(watch), outermost_(watch.scopes_++ == 0) {}
    ~Scope() {
      --watch_.scopes_;
      if (outermost_) watch_.seconds_ += base::seconds_since(begin_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Stopwatch& watch_;
    bool outermost_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  };

  /// Returns the time of the scopes that have ended.
  double seconds() const { return seconds_; }

 private:
  int scopes_ = 0;
  double seconds_ = 0.0;
};

}  // namespace trireme::launcher
