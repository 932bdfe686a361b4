#include "models/transformer/documents.hpp"

#include <ATen/ops/arange.h>

#include "base/error.hpp"

namespace trireme::transformer {
namespace {

/// Each token begins a document or belongs to that of the token before.
void check_values(const at::Tensor& starts_BT) {
  const auto* start = starts_BT.const_data_ptr<std::int32_t>();
  for (std::int64_t b = 0; b < starts_BT.size(0); ++b) {
    for (std::int64_t t = 0; t < starts_BT.size(1); ++t, ++start) {
      if (*start == t || (t > 0 && *start == start[-1])) continue;
      throw base::Error(base::str("sequence ", b, " of a micro-batch: the document of token ", t, " starts at ", *start,
                                  ", which is neither ", t, " nor the start of the token before"));
    }
  }
}

}  // namespace

std::optional<Documents> documents_of(const MicroBatch& batch, const RotaryCache& rotary) {
  if (!batch.starts.defined()) return std::nullopt;
  const at::Tensor& tokens = batch.tokens;
  const bool fits = batch.starts.sizes() == tokens.sizes() && batch.starts.device() == tokens.device();
  if (!fits || batch.starts.scalar_type() != at::kInt) {
    throw base::Error(base::str("a micro-batch of ", tokens.size(0), " x ", tokens.size(1),
                                " tokens takes as many int32 starts of documents on its device"));
  }
  const at::Tensor starts_BT = batch.starts.contiguous();
  if (starts_BT.is_cpu()) check_values(starts_BT);
  const at::Tensor places = at::arange(tokens.size(1), tokens.options()).unsqueeze(1);
  const at::Tensor positions_TB = places.sub(starts_BT.t()).contiguous();
  return Documents{starts_BT, positions_TB, rotary.at(positions_TB.flatten())};
}

}  // namespace trireme::transformer
