// Spreads numbered parts of a task over threads. Private to io/checkpoint.
#pragma once

#include <cstddef>
#include <functional>

namespace trireme::checkpoint {

/// Processes one part. The thread that uses a worker makes it, so a worker may own buffers and open files.
using PartWorker = std::function<void(std::size_t part)>;

/// Processes the parts 0 … count-1, each once, in no particular order, with at most `threads` threads (the caller's
/// included). After an exception no new part begins; when all running parts have ended, the exception of the lowest
/// part is rethrown.
void for_each_part(std::size_t count, int threads, const std::function<PartWorker()>& make_worker);

}  // namespace trireme::checkpoint
