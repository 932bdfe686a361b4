// Operations that the model needs and that ATen lacks or does slowly: one function each, on tensors of one device. Host
// tensors go to models/kernels/cpu; device tensors go to ATen's operations, or to the table in libtrireme_cuda.so.
//
// Tensors are contiguous unless stated. Types: fp32, fp64, bf16; "wide" is fp64 for fp64 and fp32 otherwise. Leading
// dims are rows, the last one columns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/kernels/cpu/adamw.hpp"
#include "models/kernels/cpu/momentum.hpp"
#include "models/spec/plan.hpp"

namespace trireme::kernels {

/// fp64 for fp64; fp32 for fp32 and bf16.
at::ScalarType wide_type(at::ScalarType type);

// ---- Norms; models/kernels/qk_norm.hpp has those of queries and keys ----
struct NormForward {
  at::Tensor output;
  at::Tensor mean;  ///< wide, one per row; undefined for RMSNorm
  at::Tensor rstd;  ///< wide, one per row
};
/// RMSNorm (Zhang and Sennrich, 2019) or LayerNorm (Ba et al., 2016), by spec.kind. The factor is the weight, or with
/// spec.unit_offset 1 + weight, added in the wide type. `bias` may be undefined, and must be for RMSNorm; spec.bias is
/// not read.
NormForward norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec);
struct NormBackward {
  at::Tensor input;   ///< like x
  at::Tensor weight;  ///< wide or x's type, (columns)
  at::Tensor bias;    ///< the same; undefined without a bias
};
NormBackward norm_backward(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                           const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec);

// ---- Activations ----
/// Takes h (…, F), or when `gated` h (…, 2F): the gate, then up. Adds the bias (of h's columns; it may be undefined) to
/// h in place and returns activation(h), or activation(gate) * up, (…, F).
at::Tensor activate(at::Tensor& h, const at::Tensor& bias, spec::Activation activation, bool gated);
/// Takes dy (…, F) and h as activate() left it, and returns the gradient of h. Without `gated` dy may be overwritten by
/// it.
at::Tensor activate_backward(at::Tensor dy, const at::Tensor& h, spec::Activation activation, bool gated);

// ---- Rows ----
/// Rotates the first `heads` heads of head_size elements in rows of data (T, B, C): of each head the first 2 * half
/// elements, element i with element half + i. Position t uses row first + t of the wide tables (>= first + T, half).
/// `inverse` rotates by the negative angle (the backward).
void rotate(at::Tensor& data, std::int64_t heads, std::int64_t head_size, const at::Tensor& cosine,
            const at::Tensor& sine, std::int64_t first, bool inverse);
/// y += x + bias; either may be undefined.
void add(at::Tensor& y, const at::Tensor& x, const at::Tensor& bias);
/// wide sums = (with `overwrite`) or += the sum of x's rows.
void column_sum(const at::Tensor& x, at::Tensor& sums, bool overwrite);
/// sum += x, x of any type, sum wide.
void accumulate(at::Tensor& sum, const at::Tensor& x);
/// grad[rows[i]] += dy[i] in the order of i, so deterministic; rows (n) is int64, -1 = skip; grad is wide.
void add_rows(at::Tensor& grad, const at::Tensor& rows, const at::Tensor& dy);

// ---- Softmax and cross-entropy of logits (n, V); target (n) int64, -1 = none here ----
/// z = scale * logit, or with a soft cap soft_cap * tanh(scale * logit / soft_cap). scale > 0.
struct LogitScaling {
  double scale = 1.0;
  double soft_cap = 0.0;  ///< 0: none
};
/// Returns (n, 3) fp64: maximum of z, sum of exp(z - maximum), z of the target (0 without a target). V >= 1. Without a
/// soft cap it overwrites the logits by exp(z - maximum). With one it leaves them, and softmax_gradient() computes z
/// again: then 1 - tanh² keeps a few units of relative accuracy where tanh saturates, which it would lose if it were
/// recovered from the exponential.
at::Tensor softmax_statistics(at::Tensor& logits, const at::Tensor& target, const LogitScaling& scaling = {});
/// Takes what softmax_statistics() left and returned, and overwrites the logits by the gradient: dz / dlogit times
/// exp(z - maximum) * factor[row], minus at_target[row] at the target. factor and at_target: (n) fp64.
void softmax_gradient(at::Tensor& logits, const at::Tensor& statistics, const at::Tensor& target,
                      const at::Tensor& factor, const at::Tensor& at_target, const LogitScaling& scaling = {});

// ---- Dropout ----
struct DropoutKey {
  double probability = 0.0;
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::int64_t layer = 0;  ///< global layer index, -1 for the embedding
  int site = 0;
  std::int64_t first_position = 0;  ///< global position of x's first row
};
/// Works in place on x (T, B, D): kept elements are divided by 1 - probability. The mask of sample samples[b] at global
/// position p and column d is a function of (seed, step, sample, layer, site, p * D + d) only. The backward is the same
/// call on the gradient.
void dropout(at::Tensor& x, const DropoutKey& key, const std::vector<std::int64_t>& samples);

// ---- Gradient norm and update ----
// The flat buffers are of fp32 or fp64. Pieces of them are the rows of an int64 tensor on their device. There a block
// of threads works on one piece at a time, so pieces should be of some thousand elements; on the host they may be
// large.

/// Returns the sum of x² over pieces of the flat buffer, as an fp64 scalar on its device; 0 without any. pieces (n, 2):
/// the offset and the length of each, in elements. The order of the additions depends on the pieces only.
at::Tensor sum_of_squares(const at::Tensor& flat, const at::Tensor& pieces);

/// What AdamW updates: `grad` is flat, m and v are packed. Without `rounded` value is flat; with it value holds packed
/// fp32 masters, and their roundings are stored in the flat bf16 `rounded`.
struct AdamWBuffers {
  at::Tensor value;
  at::Tensor grad;  ///< only read
  at::Tensor m;
  at::Tensor v;
  at::Tensor rounded;
};
/// Updates each piece as cpu::adamw() does; an element's result depends only on its own inputs. pieces (n, 4): where it
/// begins in the flat buffers and in the packed ones, its length, and 1 or 0: with or without the step's weight decay.
void adamw(const cpu::AdamWStep& step, const at::Tensor& pieces, const AdamWBuffers& buffers);

/// What the optimizers with one number per parameter update: as AdamWBuffers, with a packed momentum.
struct MomentumBuffers {
  at::Tensor value;
  at::Tensor grad;  ///< only read
  at::Tensor momentum;
  at::Tensor rounded;
};
/// Update each piece as cpu::sgd() and cpu::lion() do; pieces as for adamw().
void sgd(const cpu::SgdStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers);
void lion(const cpu::LionStep& step, const at::Tensor& pieces, const MomentumBuffers& buffers);

/// The functions of the CUDA library, which run on the current stream. Those named like one above do the same.
struct CudaTable {
  /// activate() and its gradient for a gated kSilu, without bias.
  void (*swiglu)(const at::Tensor& gate_up, at::Tensor& y);
  void (*swiglu_backward)(const at::Tensor& dy, const at::Tensor& gate_up, at::Tensor& grad);
  void (*rotate)(at::Tensor& data, std::int64_t heads, std::int64_t head_size, const at::Tensor& cosine,
                 const at::Tensor& sine, std::int64_t first, bool inverse);
  void (*softmax_statistics)(at::Tensor& logits, const at::Tensor& target, const LogitScaling& scaling,
                             at::Tensor& statistics);
  void (*softmax_gradient)(at::Tensor& logits, const at::Tensor& statistics, const at::Tensor& target,
                           const at::Tensor& factor, const at::Tensor& at_target, const LogitScaling& scaling);
  void (*dropout)(at::Tensor& x, const DropoutKey& key, const std::vector<std::int64_t>& samples);
  /// sums (n) fp64 is scratch memory.
  void (*sum_of_squares)(const at::Tensor& flat, const at::Tensor& pieces, at::Tensor& sums, at::Tensor& total);
  void (*adamw)(const cpu::AdamWStep& step, const at::Tensor& pieces, const AdamWBuffers& buffers);
};
/// The entry point of libtrireme_cuda.so, exported as "trireme_cuda_kernels".
using CudaTableEntry = const CudaTable* (*)();
/// Call it once, when the CUDA library is loaded, before any device tensor is used. The table must stay valid.
void set_cuda_table(const CudaTable* table);

}  // namespace trireme::kernels
