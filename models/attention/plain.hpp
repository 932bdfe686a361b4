// Attention as products and a softmax over all scores, with every mask: for what no fused kernel of a device computes.
// Everything is computed in the wide type.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/attention/method.hpp"

namespace trireme::attention {

/// Which of `keys` positions each of the last `queries` of them does not see: bool (queries, keys), with starts
/// (B, 1, queries, keys); undefined where all are seen. Lies on the device of `like`.
at::Tensor hidden_keys(std::int64_t queries, std::int64_t keys, const Setting& setting, const at::Tensor& starts_BT,
                       const at::Tensor& like);

/// Returns the output, shaped like q. k and v have the heads of q.
at::Tensor plain(const QueryKeyValue& x, const Setting& setting, const at::Tensor& hidden,
                 std::vector<at::Tensor>& saved);
QueryKeyValue plain_backward(const at::Tensor& grad, const QueryKeyValue& x, const std::vector<at::Tensor>& saved,
                             const Setting& setting);

}  // namespace trireme::attention
