#include "base/stream_copy.hpp"

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trireme::base {

#if defined(__x86_64__)
namespace {

/// Shorter copies stay in the caches.
constexpr std::size_t kLeastStreamed = 256 << 10;
constexpr std::size_t kPage = 4096;
/// Pages that are copied side by side. The hardware's prefetcher follows each as a stream of its own and stops at the
/// end of a page.
constexpr std::size_t kPages = 4;
constexpr std::size_t kLine = 64;

/// Copies a multiple of kPages pages; `to` must begin a page.
__attribute__((target("avx2"))) void stream_pages(std::byte* to, const std::byte* from, std::size_t bytes) {
  for (std::size_t group = 0; group < bytes; group += kPages * kPage) {
    for (std::size_t line = group; line < group + kPage; line += kLine) {
      for (std::size_t at = line; at < line + kPages * kPage; at += kPage) {
        const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at));
        const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at + kLine / 2));
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at), first);
        _mm256_stream_si256(reinterpret_cast<__m256i*>(to + at + kLine / 2), second);
      }
    }
  }
  _mm_sfence();  // streaming stores are ordered with nothing else
}

}  // namespace
#endif

void stream_copy(void* to, const void* from, std::size_t bytes) {
#if defined(__x86_64__)
  if (bytes >= kLeastStreamed && __builtin_cpu_supports("avx2")) {
    auto* destination = static_cast<std::byte*>(to);
    const auto* source = static_cast<const std::byte*>(from);
    const std::size_t head = -reinterpret_cast<std::uintptr_t>(to) % kPage;
    const std::size_t body = (bytes - head) / (kPages * kPage) * (kPages * kPage);
    std::memcpy(destination, source, head);
    stream_pages(destination + head, source + head, body);
    std::memcpy(destination + head + body, source + head + body, bytes - head - body);
    return;
  }
#endif
  std::memcpy(to, from, bytes);
}

}  // namespace trireme::base
