#include "models/spec/config.hpp"

#include <cmath>
#include <initializer_list>

#include "base/error.hpp"

namespace trireme::spec {

using base::InputError;
using base::str;

const char* name_of(Architecture arch) { return arch == Architecture::kGpt2 ? "gpt2" : "llama"; }

namespace {

struct NamedSize {
  const char* key;
  std::int64_t value;
};

void check_heads(const ModelConfig& config) {
  if (config.hidden % config.heads != 0) {
    throw InputError(str("model.heads = ", config.heads, " does not divide model.hidden = ", config.hidden));
  }
  if (config.heads % config.kv_heads != 0) {
    throw InputError(str("model.kv_heads = ", config.kv_heads, " does not divide model.heads = ", config.heads));
  }
  if (config.arch == Architecture::kGpt2 && config.kv_heads != config.heads) {
    throw InputError(str("model.kv_heads = ", config.kv_heads, " differs from model.heads = ", config.heads,
                         ": gpt2 has no grouped-query attention, leave kv_heads out or take arch = llama"));
  }
  if (config.arch == Architecture::kLlama && config.head_size() % 2 != 0) {
    throw InputError(str("model.hidden / model.heads = ", config.head_size(),
                         " is odd: rotary position embedding turns pairs, choose an even head size"));
  }
}

void check_reals(const ModelConfig& config) {
  if (!(config.dropout >= 0 && config.dropout < 1)) {
    throw InputError(str("model.dropout = ", config.dropout, ", allowed: 0 to below 1"));
  }
  struct NamedReal {
    const char* key;
    double value;
  };
  for (const NamedReal& real : {NamedReal{"init_std", config.init_std}, NamedReal{"rope_theta", config.rope_theta},
                                NamedReal{"norm_eps", config.norm_eps}}) {
    if (!(std::isfinite(real.value) && real.value > 0)) {
      throw InputError(str("model.", real.key, " = ", real.value, " must be above 0"));
    }
  }
}

}  // namespace

void check(const ModelConfig& config) {
  for (const NamedSize& size :
       {NamedSize{"layers", config.layers}, NamedSize{"hidden", config.hidden}, NamedSize{"heads", config.heads},
        NamedSize{"kv_heads", config.kv_heads}, NamedSize{"ffn", config.ffn}, NamedSize{"sequence", config.sequence},
        NamedSize{"vocab", config.vocab}}) {
    if (size.value < 1) throw InputError(str("model.", size.key, " = ", size.value, " must be at least 1"));
  }
  check_heads(config);
  check_reals(config);
}

}  // namespace trireme::spec
