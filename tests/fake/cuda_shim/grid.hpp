// Runs a kernel's grid on one host thread, block after block. Each thread of a block is a fiber, which runs until it
// waits at a barrier. ThreadSanitizer is told that every fiber is a thread of its own and that only barriers order
// them, so it finds a missing barrier whatever order the fibers run in. Without it, the fibers run in a random order
// between two barriers; and the blocks of a kernel whose first block meets no barrier run their threads one after
// another.
//
// A block whose threads do not all meet the same barriers ends the program, with a sentence on standard error.
#pragma once

#include <cstdint>
#include <functional>

namespace trireme::tests::cuda_shim {

#ifdef TRIREME_TSAN
inline constexpr bool kFindsRaces = true;
#else
inline constexpr bool kFindsRaces = false;
#endif

/// Calls thread() for every thread of the grid. 1 <= threads <= 1024, a multiple of 32.
void run_grid(unsigned blocks, unsigned threads, const std::function<void()>& thread);

/// Sets the seed of the orders in which fibers run.
void set_seed(std::uint64_t seed);

// Called by a running kernel.
unsigned thread_of_block();
unsigned block_of_grid();
unsigned threads_per_block();
unsigned blocks_of_grid();
/// Waits for all threads of the block, and sees what they wrote before.
void block_barrier();
/// Waits for the other threads of the warp. Returns `word` of the thread `lanes` above in it, or the thread's own
/// where there is none. Like CUDA's shuffles it orders no access to memory.
std::uint64_t word_from_lane_above(std::uint64_t word, unsigned lanes);

}  // namespace trireme::tests::cuda_shim
