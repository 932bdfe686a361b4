// Packs documents into samples of a fixed number of tokens: pure arithmetic on their lengths.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trireme::tokens {

/// The documents of each sample, by their numbers: every document once, increasing within a sample, the samples in the
/// order of their first documents. Best fit decreasing (Johnson, "Near-optimal bin packing algorithms", 1973): the
/// longest document first, of equal ones the first, each into the fullest sample that has room for it. `lengths` are at
/// most `sequence`. Takes O(n log sequence) time. Example: {3, 6, 4, 5} into 8 tokens gives {0, 3}, {1}, {2}.
std::vector<std::vector<std::uint64_t>> pack_documents(std::span<const std::uint32_t> lengths, std::uint64_t sequence);

}  // namespace trireme::tokens
