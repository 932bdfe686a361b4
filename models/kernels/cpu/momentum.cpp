#include "models/kernels/cpu/momentum.hpp"

#include <algorithm>

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu {
namespace {

constexpr std::int64_t kBlock = 16384;

/// Calls update(first, count) for the blocks of `count` elements.
template <typename Update>
void for_blocks(std::int64_t count, Update update) {
#pragma omp parallel for schedule(static)
  for (std::int64_t first = 0; first < count; first += kBlock) update(first, std::min(kBlock, count - first));
}

std::uint16_t* at(std::uint16_t* rounded, std::int64_t first) { return rounded == nullptr ? nullptr : rounded + first; }

}  // namespace

void sgd(const SgdStep& step, std::int64_t count, float* value, const float* grad, float* momentum,
         std::uint16_t* rounded) {
  for_blocks(count, [&, update = isa_table().sgd_float](std::int64_t first, std::int64_t size) {
    update(step, size, value + first, grad + first, momentum + first, at(rounded, first));
  });
}

void sgd(const SgdStep& step, std::int64_t count, double* value, const double* grad, double* momentum) {
  for_blocks(count, [&, update = isa_table().sgd_double](std::int64_t first, std::int64_t size) {
    update(step, size, value + first, grad + first, momentum + first);
  });
}

void lion(const LionStep& step, std::int64_t count, float* value, const float* grad, float* momentum,
          std::uint16_t* rounded) {
  for_blocks(count, [&, update = isa_table().lion_float](std::int64_t first, std::int64_t size) {
    update(step, size, value + first, grad + first, momentum + first, at(rounded, first));
  });
}

void lion(const LionStep& step, std::int64_t count, double* value, const double* grad, double* momentum) {
  for_blocks(count, [&, update = isa_table().lion_double](std::int64_t first, std::int64_t size) {
    update(step, size, value + first, grad + first, momentum + first);
  });
}

}  // namespace trireme::kernels::cpu
