#include "models/optim/sum_of_squares.hpp"

#include "models/kernels/kernels.hpp"
#include "models/optim/pieces.hpp"

namespace trireme::optim {
namespace {

at::Tensor pieces_of(const std::vector<layout::FlatRange>& ranges, at::Device device) {
  std::vector<std::int64_t> numbers;
  for (const layout::FlatRange& range : cut_for(device, ranges)) {
    numbers.insert(numbers.end(), {range.begin, range.size()});
  }
  return rows_on(device, numbers, 2);
}

}  // namespace

SumOfSquares::SumOfSquares(const std::vector<layout::FlatRange>& ranges, at::Device device)
    : pieces_(pieces_of(ranges, device)) {}

at::Tensor SumOfSquares::of(const at::Tensor& flat) const { return kernels::sum_of_squares(flat, pieces_); }

}  // namespace trireme::optim
