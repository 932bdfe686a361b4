// What an update rule is set to: plain values.
#pragma once

#include <string>

namespace trireme::optim {

enum class RuleKind { kAdamW, kMuon, kSgd, kLion };

const char* name_of(RuleKind kind);  ///< "adamw", "muon", "sgd", "lion"
/// Throws base::InputError for any other word.
RuleKind rule_kind(const std::string& name);

/// How Muon's learning rate depends on a matrix of `rows` x `columns`.
enum class MuonScale {
  kMatchRmsAdamW,  ///< 0.2 * sqrt(max(rows, columns)): updates are as large as AdamW's (Liu et al., 2025)
  kOriginal,       ///< sqrt(max(1, rows / columns)) (Jordan et al., 2024)
};

const char* name_of(MuonScale scale);  ///< "match_rms_adamw", "original"
/// Throws base::InputError for any other word.
MuonScale muon_scale(const std::string& name);

struct RuleOptions {
  RuleKind kind = RuleKind::kAdamW;
  double weight_decay = 0.1;  ///< on matrices only (spec::LogicalTensor::decay)
  double beta1 = 0.9;         ///< adamw and, with muon, what is no matrix; lion
  double beta2 = 0.95;        ///< the same
  double eps = 1e-8;          ///< adamw and, with muon, what is no matrix
  double momentum = 0.95;     ///< muon, sgd
  bool nesterov = true;       ///< muon, sgd
  MuonScale muon_scale = MuonScale::kMatchRmsAdamW;
};

}  // namespace trireme::optim
