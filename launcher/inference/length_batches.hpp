// Divides sequences into batches of equal length, so that nothing is padded.
#pragma once

#include <cstddef>
#include <vector>

namespace trireme::launcher {

/// Batches of at most `most` (at least 1) sequences of one length each, as their numbers; longer sequences first, those
/// of one length in order. Every number below lengths.size() is in one batch. Example: lengths 3 5 3 3, most 2:
/// {1}, {0, 2}, {3}.
std::vector<std::vector<std::size_t>> length_batches(const std::vector<std::size_t>& lengths, std::size_t most);

}  // namespace trireme::launcher
