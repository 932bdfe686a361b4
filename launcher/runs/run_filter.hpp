// Conditions by which runs are found: "model.layers=12", "optimizer.lr<1e-3", "state!=done". Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launcher/runs/run_index.hpp"

namespace trireme::launcher {

struct Condition {
  std::string key;  ///< of the run file, or a field: run, user, state, step, steps, loss, attempt, dataset
  std::string op;   ///< =, !=, <, <=, >, >=, ~ (holds the text)
  std::string value;
};

/// Throws base::InputError for a word without an operator, a key that is none (naming the nearest), and an order that
/// is asked of a text.
Condition parse_condition(const std::string& word);

/// A run that does not have the key matches != only. Numbers are compared as numbers, so
/// optimizer.lr=0.001 finds 1e-3. `dataset` is the name or the fingerprint of any dataset that the run reads.
bool matches(const Condition& condition, const IndexedRun& run);

}  // namespace trireme::launcher
