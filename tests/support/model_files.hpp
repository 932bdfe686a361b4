// Files through which test scripts give models to C++ programs and read back what these computed.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/json.hpp"
#include "models/spec/config.hpp"

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

/// The sizes as tests/support/reference_models.py names them.
inline spec::ModelConfig model_of(const base::Json& json) {
  spec::ModelConfig config;
  config.arch = json.at("arch") == "gpt2" ? spec::Architecture::kGpt2 : spec::Architecture::kLlama;
  config.layers = json.at("layers");
  config.hidden = json.at("hidden");
  config.heads = json.at("heads");
  config.kv_heads = json.at("kv_heads");
  config.ffn = json.at("ffn");
  config.sequence = json.at("sequence");
  config.vocab = json.at("vocab");
  config.tie_embeddings = json.at("tie");
  config.rope_theta = json.at("rope_theta");
  config.norm_eps = json.at("norm_eps");
  spec::check(config);
  return config;
}

}  // namespace trireme::tests
