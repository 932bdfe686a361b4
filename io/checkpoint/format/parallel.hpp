// Work in numbered parts, spread over threads. Private to io/checkpoint.
#pragma once

#include <cstddef>
#include <functional>

namespace trireme::checkpoint {

/// What one thread does with a part; made by the thread itself, so it may own buffers and open files.
using PartWorker = std::function<void(std::size_t part)>;

/// Calls workers for all parts 0 … count-1, each once, in no order, with at most `threads` threads (the caller's
/// included). After an exception no new part is begun; the one of the lowest part is rethrown when all have ended.
void for_each_part(std::size_t count, int threads, const std::function<PartWorker()>& make_worker);

}  // namespace trireme::checkpoint
