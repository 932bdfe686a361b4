// Compiled without ThreadSanitizer's instrumentation: what the fibers share here is no part of a kernel.
#include "tests/fake/cuda_shim/grid.hpp"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#ifdef TRIREME_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace trireme::tests::cuda_shim {
namespace {

constexpr unsigned kWarp = 32;
constexpr std::size_t kStackBytes = 131072;

/// What the sanitizers must know. `Clock` orders what happened before release() before what happens after acquire().
#ifdef TRIREME_TSAN
struct Clock {
  void release() { __tsan_release(this); }
  void acquire() { __tsan_acquire(this); }
  char place = 0;
};
#else
struct Clock {
  void release() {}
  void acquire() {}
};
#endif

enum class State { kReady, kAtBlockBarrier, kAtWarpBarrier, kFinished };

[[noreturn]] void give_up(const char* what, unsigned thread, unsigned block) {
  std::fprintf(stderr, "cuda shim: thread %u of block %u %s\n", thread, block, what);
  std::abort();
}

/// An execution context: the host's, or that of a fiber with a stack of its own.
struct Context {
  ucontext_t registers = {};
  std::unique_ptr<char[]> stack;
  const void* stack_bottom = nullptr;
  std::size_t stack_bytes = 0;
  void* tsan = nullptr;
};

void switch_context(Context& from, Context& to) {
#ifdef TRIREME_TSAN
  __tsan_switch_to_fiber(to.tsan, __tsan_switch_to_fiber_no_sync);
#endif
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, to.stack_bottom, to.stack_bytes);
#endif
  swapcontext(&from.registers, &to.registers);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
}

class Grid {
 public:
  static Grid& instance() {
    static Grid* const only = new Grid;  // never destroyed: its fibers end with the program
    return *only;
  }

  void run(unsigned blocks, unsigned threads, const std::function<void()>& thread) {
    blocks_ = blocks;
    threads_ = threads;
    thread_ = &thread;
    meets_barriers_ = false;
    prepare_fibers();
    launched_.release();
    for (block_ = 0; block_ < blocks; ++block_) {
      if (block_ > 0 && !meets_barriers_ && !kFindsRaces) {
        run_in_turn();
      } else {
        run_fibers();
      }
    }
    for (Clock& clock : block_end_) clock.acquire();
    thread_ = nullptr;
  }

  void wait(State state) {
    if (!in_fiber_) give_up("waits at a barrier, though the first block has none", current_, block_);
    meets_barriers_ = true;
    states_[current_] = state;
    if (state == State::kAtBlockBarrier) barrier_[barriers_ % 2].release();
    const unsigned self = current_;
    switch_context(fibers_[self], host_);
    // The count went up when the last thread arrived.
    if (state == State::kAtBlockBarrier) barrier_[(barriers_ + 1) % 2].acquire();
  }

  std::uint64_t word_from_lane_above(std::uint64_t word, unsigned lanes) {
    const unsigned self = current_;
    const unsigned turn = shuffles_[self]++ % 2;  // a warp's threads are at most one shuffle apart
    words_[turn][self] = word;
    wait(State::kAtWarpBarrier);
    return self % kWarp + lanes < kWarp ? words_[turn][self + lanes] : word;
  }

  void set_seed(std::uint64_t seed) { random_.seed(seed); }
  unsigned thread() const { return current_; }
  unsigned block() const { return block_; }
  unsigned threads() const { return threads_; }
  unsigned blocks() const { return blocks_; }

 private:
  void prepare_fibers() {
    order_.resize(threads_);
    std::iota(order_.begin(), order_.end(), 0U);
    shuffles_.assign(threads_, 0);
    for (auto& words : words_) words.resize(threads_);
    states_.resize(threads_);
#ifdef TRIREME_TSAN
    host_.tsan = __tsan_get_current_fiber();
#endif
    while (fibers_.size() < threads_) make_fiber(fibers_.emplace_back());
  }

  void make_fiber(Context& fiber) {
    fiber.stack = std::make_unique<char[]>(kStackBytes);
    fiber.stack_bottom = fiber.stack.get();
    fiber.stack_bytes = kStackBytes;
    getcontext(&fiber.registers);
    fiber.registers.uc_stack.ss_sp = fiber.stack.get();
    fiber.registers.uc_stack.ss_size = kStackBytes;
    makecontext(
        &fiber.registers, [] { instance().fiber_main(); }, 0);
#ifdef TRIREME_TSAN
    fiber.tsan = __tsan_create_fiber(0);
#endif
  }

  /// Runs one thread after another, until the program ends.
  void fiber_main() {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(nullptr, &host_.stack_bottom, &host_.stack_bytes);
#endif
    const unsigned self = current_;
    for (;;) {
      launched_.acquire();
      // Blocks share what is __shared__, so those with barriers are ordered; of others no order is known.
      if (meets_barriers_) block_end_[(block_ + 1) % 2].acquire();
      (*thread_)();
      block_end_[block_ % 2].release();
      states_[self] = State::kFinished;
      switch_context(fibers_[self], host_);
    }
  }

  void run_in_turn() {
    in_fiber_ = false;
    for (current_ = 0; current_ < threads_; ++current_) (*thread_)();
  }

  void run_fibers() {
    in_fiber_ = true;
    std::fill(states_.begin(), states_.end(), State::kReady);
    barriers_ = 0;
    do {
      std::shuffle(order_.begin(), order_.end(), random_);
      for (const unsigned thread : order_) {
        if (states_[thread] != State::kReady) continue;
        current_ = thread;
        switch_context(host_, fibers_[thread]);
      }
    } while (open_barriers());
  }

  unsigned count(State state, unsigned first, unsigned end) const {
    return static_cast<unsigned>(std::count(states_.begin() + first, states_.begin() + end, state));
  }

  /// Lets those go on whose barrier all threads have reached. Returns false when all threads have finished.
  bool open_barriers() {
    if (count(State::kFinished, 0, threads_) == threads_) return false;
    if (count(State::kAtBlockBarrier, 0, threads_) == threads_) {
      ++barriers_;
      std::fill(states_.begin(), states_.end(), State::kReady);
      return true;
    }
    bool opened = false;
    for (unsigned first = 0; first < threads_; first += kWarp) {
      if (count(State::kAtWarpBarrier, first, first + kWarp) != kWarp) continue;
      std::fill(states_.begin() + first, states_.begin() + first + kWarp, State::kReady);
      opened = true;
    }
    if (opened) return true;
    const auto waits = std::find_if(states_.begin(), states_.end(), [](State s) { return s != State::kFinished; });
    give_up("waits at a barrier that other threads never reach", static_cast<unsigned>(waits - states_.begin()),
            block_);
  }

  unsigned current_ = 0, block_ = 0;  ///< what runs
  unsigned threads_ = 0, blocks_ = 0;
  const std::function<void()>* thread_ = nullptr;
  bool meets_barriers_ = false;  ///< in this launch
  bool in_fiber_ = false;
  unsigned long barriers_ = 0;  ///< block barriers that all threads have reached, in this block
  Context host_;
  std::deque<Context> fibers_;  ///< they stay where they are: ucontext_t points into itself
  std::vector<State> states_;
  std::vector<unsigned> order_;  ///< in which the fibers run until the next barrier
  std::mt19937_64 random_{1};
  std::vector<unsigned> shuffles_;       ///< per thread: how many it has begun
  std::vector<std::uint64_t> words_[2];  ///< per thread: what it offers in shuffles of even and odd number
  Clock launched_, barrier_[2], block_end_[2];
};

}  // namespace

void run_grid(unsigned blocks, unsigned threads, const std::function<void()>& thread) {
  Grid::instance().run(blocks, threads, thread);
}
void set_seed(std::uint64_t seed) { Grid::instance().set_seed(seed); }

unsigned thread_of_block() { return Grid::instance().thread(); }
unsigned block_of_grid() { return Grid::instance().block(); }
unsigned threads_per_block() { return Grid::instance().threads(); }
unsigned blocks_of_grid() { return Grid::instance().blocks(); }
void block_barrier() { Grid::instance().wait(State::kAtBlockBarrier); }
std::uint64_t word_from_lane_above(std::uint64_t word, unsigned lanes) {
  return Grid::instance().word_from_lane_above(word, lanes);
}

}  // namespace trireme::tests::cuda_shim
