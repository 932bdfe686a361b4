// The optimizers of portable.hpp. They are bound by memory, of which ATen's operations read and write about twice what
// a kernel of their own would.
#include <ATen/core/Tensor.h>

#include <vector>

#include "models/kernels/portable.hpp"

namespace trireme::kernels::portable {
namespace {

struct Piece {
  std::int64_t flat;
  std::int64_t packed;
  std::int64_t length;
  bool decays;
};

/// The rows of `pieces`, with neighbours joined: each costs some launches.
std::vector<Piece> joined(const at::Tensor& pieces) {
  const at::Tensor host = pieces.cpu();
  const auto* row = host.const_data_ptr<std::int64_t>();
  std::vector<Piece> out;
  for (std::int64_t p = 0; p < host.size(0); ++p, row += 4) {
    const Piece next{row[0], row[1], row[2], row[3] != 0};
    if (!out.empty() && out.back().flat + out.back().length == next.flat &&
        out.back().packed + out.back().length == next.packed && out.back().decays == next.decays) {
      out.back().length += next.length;
    } else {
      out.push_back(next);
    }
  }
  return out;
}

/// Calls update(value, grad, momentum, decays) for views of each piece, and rounds the new values.
template <typename Update>
void for_pieces(const at::Tensor& pieces, const MomentumBuffers& buffers, const Update& update) {
  const bool masters = buffers.rounded.defined();
  for (const Piece& piece : joined(pieces)) {
    const at::Tensor value = buffers.value.narrow(0, masters ? piece.packed : piece.flat, piece.length);
    update(value, buffers.grad.narrow(0, piece.flat, piece.length),
           buffers.momentum.narrow(0, piece.packed, piece.length), piece.decays);
    if (masters) buffers.rounded.narrow(0, piece.flat, piece.length).copy_(value);
  }
}

}  // namespace

void sgd(const cpu::SgdStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers) {
  for_pieces(pieces, buffers,
             [&](const at::Tensor& value, const at::Tensor& grad, const at::Tensor& momentum, bool decays) {
               at::Tensor g = grad.mul(step.gradient_scale);
               if (decays && step.weight_decay != 0.0) g.add_(value, step.weight_decay);
               momentum.mul_(step.momentum).add_(g);
               value.sub_(step.nesterov ? g.add_(momentum, step.momentum) : momentum, step.lr);
             });
}

void lion(const cpu::LionStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers) {
  for_pieces(pieces, buffers,
             [&](const at::Tensor& value, const at::Tensor& grad, const at::Tensor& momentum, bool decays) {
               const at::Tensor g = grad.mul(step.gradient_scale);
               const at::Tensor direction = momentum.mul(step.beta1).add_(g, 1.0 - step.beta1);
               momentum.mul_(step.beta2).add_(g, 1.0 - step.beta2);
               if (decays) value.mul_(1.0 - step.lr * step.weight_decay);
               value.sub_(direction.sign_(), step.lr);
             });
}

}  // namespace trireme::kernels::portable
