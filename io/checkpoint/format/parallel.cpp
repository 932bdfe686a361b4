#include "io/checkpoint/format/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace trireme::checkpoint {

void for_each_part(std::size_t count, int threads, const std::function<PartWorker()>& make_worker) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::exception_ptr error;
  std::size_t error_part = count;
  const auto work = [&] {
    std::size_t part = 0;
    try {
      const PartWorker worker = make_worker();
      while (!failed && (part = next++) < count) worker(part);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failed = true;
      if (error && error_part <= part) return;
      error = std::current_exception();
      error_part = part;
    }
  };
  std::vector<std::thread> helpers;
  const std::size_t wanted = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
  if (count > 0) work();
  for (auto& helper : helpers) helper.join();
  if (error) std::rethrow_exception(error);
}

}  // namespace trireme::checkpoint
