#include "models/optim/tied_sum.hpp"

#include "models/layout/flat_range.hpp"
#include "models/parallel/data_type.hpp"

namespace trireme::optim {

void TiedSum::run() const {
  if (tied_ == nullptr) return;
  const layout::FlatRange range = range_of(store_.layout().last_trainable(), store_.layout());
  const at::Tensor grads = store_.flat_grads().narrow(0, range.begin, range.size());
  tied_->all_reduce(grads.mutable_data_ptr(), static_cast<std::size_t>(range.size()), parallel::data_type(grads));
}

}  // namespace trireme::optim
