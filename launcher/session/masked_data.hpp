// Data of models that are trained by masked language modelling.
#pragma once

#include <string>

#include "io/tokens/data_source.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::launcher {

/// Lets `source`, the datasets of the option `key`, give masked samples if the resolved `options` say that the model is
/// trained by them; leaves it alone otherwise. Call it before anything is read. Special are the tokens that the
/// tokenizer flags so, those that its post-processor adds, its mask, padding and unknown tokens, and the one that ends
/// a document. Throws base::InputError naming the dataset whose tokenizer has no mask token.
void mask_as_trained(tokens::DataSource& source, const std::string& key, const options::RunOptions& options);

}  // namespace trireme::launcher
