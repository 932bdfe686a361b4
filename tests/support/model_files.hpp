// Files through which test scripts give models to C++ programs and read back what these computed.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/properties.hpp"
#include "models/spec/words.hpp"

namespace trireme::tests {

template <typename T>
std::vector<T> read_all(const std::filesystem::path& path) {
  std::vector<T> data(std::filesystem::file_size(path) / sizeof(T));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size() * sizeof(T)));
  return data;
}

inline base::Json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return base::Json::parse(file);
}

/// fp64, one value after another.
class Output {
 public:
  explicit Output(const std::filesystem::path& path) : file_(path, std::ios::binary) {}
  void add(const at::Tensor& x) {
    const at::Tensor wide = x.to(at::kDouble).contiguous();
    file_.write(static_cast<const char*>(wide.const_data_ptr()), static_cast<std::streamsize>(wide.nbytes()));
  }
  void add(double x) { file_.write(reinterpret_cast<const char*>(&x), sizeof(x)); }

 private:
  std::ofstream file_;
};

template <typename Value>
void read_value(const base::Json& json, Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    const auto choice = spec::choice_of<Value>(json.get<std::string>());
    if (!choice) throw base::InputError(base::str("model.json: ", json.dump(), " is no choice"));
    value = *choice;
  } else {
    value = json.get<Value>();
  }
}

template <typename Value>
void read_value(const base::Json& json, spec::PerLayer<Value>& values) {
  values.clear();
  for (const base::Json& each : json.is_array() ? json : base::Json::array({json})) {
    read_value(each, values.emplace_back());
  }
}

/// The [model] keys that `json` has, by their names; the others are as in the family. arch, layers, hidden, heads and
/// vocab must be there.
inline spec::ModelPlan model_of(const base::Json& json) {
  spec::ModelConfig config =
      spec::defaults_of(json.at("arch"), {json.at("layers"), json.at("hidden"), json.at("heads")});
  config.vocab = json.at("vocab");
  spec::for_each_property([&](const auto& property) {
    if (json.contains(property.name)) read_value(json.at(property.name), config.*property.kValue);
  });
  return spec::make_plan(config);
}

}  // namespace trireme::tests
