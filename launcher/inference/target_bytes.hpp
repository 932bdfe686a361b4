// The length of the text that targets stand for: what losses per byte are divided by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/text/tokenizer.hpp"
#include "io/tokens/data_source.hpp"

namespace trireme::launcher {

/// For each id the UTF-8 bytes that it adds to a text: 0 for special tokens.
std::vector<std::uint32_t> bytes_of_tokens(const text::Tokenizer& tokenizer);

/// The bytes of the targets of the first `count` samples of a dataset, as validation counts them: a target that the
/// loss mask leaves out has none. `bytes` comes from bytes_of_tokens().
std::uint64_t target_bytes(const tokens::DataSource& data, std::uint64_t count,
                           const std::vector<std::uint32_t>& bytes);

}  // namespace trireme::launcher
