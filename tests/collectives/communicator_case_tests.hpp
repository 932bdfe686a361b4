// The communicator's cases as tests of a program whose process is one rank; included by one of its sources.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "tests/collectives/communicator_cases.hpp"

namespace trireme::test {

class CommunicatorCases : public testing::TestWithParam<std::tuple<Environment, NamedCase>> {};

inline std::string name_of_case(const testing::TestParamInfo<std::tuple<Environment, NamedCase>>& info) {
  return std::get<0>(info.param).label + "_" + std::get<1>(info.param).name;
}

TEST_P(CommunicatorCases, Hold) {
  const auto& [environment, named] = GetParam();
  CommunicatorCase one(environment);
  (one.*named.run)();
  one.finish();
}

}  // namespace trireme::test
