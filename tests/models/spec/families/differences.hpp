// Names of the properties in which two models differ, so that a failure says which.
#pragma once

#include <string>
#include <vector>

#include "models/spec/properties.hpp"

namespace trireme::spec {

inline std::vector<std::string> differences(const ModelConfig& a, const ModelConfig& b) {
  std::vector<std::string> names;
  if (a.arch != b.arch) names.emplace_back("arch");
  for_each_property([&](const auto& property) {
    if (a.*property.kValue != b.*property.kValue) names.emplace_back(property.name);
  });
  return names;
}

}  // namespace trireme::spec
