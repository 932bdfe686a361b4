// The tokens with which a model ends a text.
#pragma once

#include <cstdint>
#include <set>

#include "io/text/tokenizer.hpp"
#include "launcher/inference/chat_template.hpp"

namespace trireme::launcher {

/// eos_token_id (a number or a list) of the model's generation_config.json, else of its config.json, as transformers'
/// generate() ends; for a model without either the tokenizer's end of text. In a conversation (`chat`) the eos_token of
/// tokenizer_config.json ends a turn, too. Throws base::InputError naming the file for an eos_token_id that is neither.
std::set<std::uint32_t> end_tokens(const ModelTexts& texts, const text::Tokenizer& tokenizer, bool chat);

}  // namespace trireme::launcher
