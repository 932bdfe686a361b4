// What a model is trained to predict: the next token, or with mask = full the tokens that were masked.
#pragma once

#include <string>
#include <vector>

#include "io/tokens/masking.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::options {

/// Completes [masking] for a model that is trained by masked language modelling: model.mask = full, with an output
/// head. options.model must be complete. Throws base::InputError for [masking] keys of any other model, and for shares
/// above 1.
void resolve_masking(RunOptions& options);

/// Whether resolve_masking() found a model that is trained so.
bool predicts_masked(const RunOptions& options);
/// What the completed section says.
tokens::MaskingRule masking_rule(const RunOptions& options);

/// Throws base::InputError in one sentence for a model that has no output head. `options` must be resolved.
void check_trainable(const RunOptions& options);

/// The tensors of the output head and of the pooler that `now` has and `initial` has not, or the other way round, where
/// model.lm_head or model.pooler differ: what a training that starts from another model's weights may leave at its
/// initial values, or leave out. `now` must be complete; `initial` may be of an earlier version.
std::vector<std::string> changed_ends(ModelSection initial, const ModelSection& now);

}  // namespace trireme::options
