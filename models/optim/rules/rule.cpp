#include "models/optim/rules/rule.hpp"

#include "base/error.hpp"
#include "models/optim/rules/adamw.hpp"
#include "models/optim/rules/lion.hpp"
#include "models/optim/rules/sgd.hpp"

namespace trireme::optim {

std::unique_ptr<UpdateRule> make_rule(const RuleOptions& options) {
  switch (options.kind) {
    case RuleKind::kAdamW: return std::make_unique<AdamW>(options);
    case RuleKind::kSgd: return std::make_unique<Sgd>(options);
    case RuleKind::kLion: return std::make_unique<Lion>(options);
    case RuleKind::kMuon: break;
  }
  throw base::Error(base::str(name_of(options.kind), " does not treat each element by itself"));
}

}  // namespace trireme::optim
