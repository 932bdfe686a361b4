// How many distinct faults a program of the fault suite has tried. Each prints its own figure; with
// TRIREME_FAULT_CASES=DIRECTORY it also leaves their names there, for tests/io/checkpoint/count_fault_cases.py to add
// up.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

namespace trireme::tests {

/// Prints when all tests of the program are through.
class FaultCases final : public testing::Environment {
 public:
  static FaultCases& instance() {
    static FaultCases* const cases =
        static_cast<FaultCases*>(testing::AddGlobalTestEnvironment(new FaultCases));  // GoogleTest deletes it
    return *cases;
  }

  void add(const std::string& name) { names_.insert(name); }

  void TearDown() override {
    std::printf("%zu distinct cases\n", names_.size());
    const char* directory = std::getenv("TRIREME_FAULT_CASES");
    if (directory == nullptr) return;
    const std::string program = testing::internal::GetArgvs()[0];
    std::ofstream out(std::string(directory) + "/" + program.substr(program.rfind('/') + 1) + ".txt");
    for (const auto& name : names_) out << name << '\n';
  }

 private:
  std::set<std::string> names_;
};

/// Counts the case once, however often it runs. Call it from the main thread.
inline void count_case(const std::string& name) { FaultCases::instance().add(name); }

/// Registered before the tests begin.
[[maybe_unused]] inline const FaultCases& fault_cases = FaultCases::instance();

}  // namespace trireme::tests
