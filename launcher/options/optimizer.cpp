#include "launcher/options/optimizer.hpp"

#include "base/error.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

void refuse(const char* key, const OptimizerSection& optimizer, const char* of) {
  throw InputError(str("optimizer.", key, " is about ", of, ", and optimizer.name = ", optimizer.name,
                       " has no use for it: leave it out, or take another optimizer.name"));
}

/// Run files of earlier versions hold AdamW's default whatever the optimizer is: there it was not given.
void forget(std::optional<double>& value, double stored_default) {
  if (value == stored_default) value.reset();
}

}  // namespace

void resolve_optimizer(OptimizerSection& optimizer) {
  const bool muon = optimizer.name == "muon", sgd = optimizer.name == "sgd", lion = optimizer.name == "lion";
  if (!muon && !sgd) {
    if (optimizer.momentum) refuse("momentum", optimizer, "muon and sgd");
    if (optimizer.nesterov) refuse("nesterov", optimizer, "muon and sgd");
  } else {
    if (!optimizer.momentum) optimizer.momentum = muon ? 0.95 : 0.9;
    if (!optimizer.nesterov) optimizer.nesterov = muon;
  }
  if (!muon && !optimizer.muon_lr.empty()) refuse("muon_lr", optimizer, "muon");
  if (muon && optimizer.muon_lr.empty()) optimizer.muon_lr = "match_rms_adamw";
  if (sgd) forget(optimizer.beta1, 0.9);
  if (sgd || lion) forget(optimizer.eps, 1e-8);
  if (sgd && optimizer.beta1) refuse("beta1", optimizer, "adamw, muon and lion");
  if (!sgd && !optimizer.beta1) optimizer.beta1 = 0.9;
  if (sgd && optimizer.beta2) refuse("beta2", optimizer, "adamw, muon and lion");
  if (!sgd && !optimizer.beta2) optimizer.beta2 = lion ? 0.99 : 0.95;
  if ((sgd || lion) && optimizer.eps) refuse("eps", optimizer, "adamw and muon");
  if (!sgd && !lion && !optimizer.eps) optimizer.eps = 1e-8;
  if (!optimizer.weight_decay) optimizer.weight_decay = sgd ? 1e-4 : 0.1;
}

spec::UpdateState update_state(const OptimizerSection& optimizer) {
  if (optimizer.name == "adamw") return {2, 2};
  if (optimizer.name == "muon") return {1, 2};
  return {1, 1};
}

std::string describe(const OptimizerSection& optimizer) {
  const std::string decay = str("weight decay ", optimizer.weight_decay.value_or(0));
  const std::string betas = str("betas ", optimizer.beta1.value_or(0), " and ", optimizer.beta2.value_or(0));
  const std::string momentum =
      str("momentum ", optimizer.momentum.value_or(0), optimizer.nesterov.value_or(false) ? " (Nesterov)" : "");
  if (optimizer.name == "muon") return str("Muon, ", momentum, ", with AdamW, ", betas, ", ", decay);
  if (optimizer.name == "sgd") return str("SGD, ", momentum, ", ", decay);
  if (optimizer.name == "lion") return str("Lion, ", betas, ", ", decay);
  return str("AdamW, ", betas, ", ", decay);
}

}  // namespace trireme::options
