#include "models/optim/rules/options.hpp"

#include <array>

#include "base/error.hpp"

namespace trireme::optim {
namespace {

constexpr std::array<const char*, 4> kRules{"adamw", "muon", "sgd", "lion"};
constexpr std::array<const char*, 2> kScales{"match_rms_adamw", "original"};

}  // namespace

const char* name_of(RuleKind kind) { return kRules[static_cast<std::size_t>(kind)]; }

RuleKind rule_kind(const std::string& name) {
  for (std::size_t index = 0; index < kRules.size(); ++index) {
    if (name == kRules[index]) return static_cast<RuleKind>(index);
  }
  throw base::InputError(base::str("unknown optimizer ", name, ": give adamw, muon, sgd or lion"));
}

const char* name_of(MuonScale scale) { return kScales[static_cast<std::size_t>(scale)]; }

MuonScale muon_scale(const std::string& name) {
  for (std::size_t index = 0; index < kScales.size(); ++index) {
    if (name == kScales[index]) return static_cast<MuonScale>(index);
  }
  throw base::InputError(base::str("unknown scale of Muon's updates ", name, ": give match_rms_adamw or original"));
}

}  // namespace trireme::optim
