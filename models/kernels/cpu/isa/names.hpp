// Declares the functions of one instruction set; the build gives its name in TRIREME_ISA.
#pragma once

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {

using std::int64_t;

void adamw_float(const AdamWStep& step, int64_t count, float* value, const float* grad, float* m, float* v,
                 std::uint16_t* rounded);
void adamw_double(const AdamWStep& step, int64_t count, double* value, const double* grad, double* m, double* v);
void sgd_float(const SgdStep& step, int64_t count, float* value, const float* grad, float* momentum,
               std::uint16_t* rounded);
void sgd_double(const SgdStep& step, int64_t count, double* value, const double* grad, double* momentum);
void lion_float(const LionStep& step, int64_t count, float* value, const float* grad, float* momentum,
                std::uint16_t* rounded);
void lion_double(const LionStep& step, int64_t count, double* value, const double* grad, double* momentum);
double squares_float(int64_t count, const float* data);
double squares_double(int64_t count, const double* data);
void rms_forward(Element element, int64_t rows, int64_t width, const void* x, const void* weight, bool unit_offset,
                 double eps, void* y, void* rstd);
void rms_backward(Element element, int64_t rows, int64_t width, const void* dy, const void* x, const void* rstd,
                  const void* weight, bool unit_offset, void* dx, void* weight_grad);
void row_squares(Element element, int64_t rows, int64_t width, int64_t stride, const void* x, void* sums);
void scale_rows(Element element, int64_t rows, int64_t width, int64_t stride, const void* x, const void* rstd,
                const void* weight, bool unit_offset, void* y);
void row_dots(Element element, int64_t rows, int64_t width, int64_t stride, const void* dy, const void* x,
              const void* weight, bool unit_offset, void* dots);
void scale_rows_backward(Element element, int64_t rows, int64_t width, int64_t stride, void* grad, const void* x,
                         const void* rstd, const void* dots, double total, const void* weight, bool unit_offset,
                         void* weight_grad);
void activate(Element element, spec::Activation activation, bool gated, int64_t rows, int64_t width, void* h,
              const void* bias, void* y);
void activate_backward(Element element, spec::Activation activation, bool gated, int64_t rows, int64_t width,
                       const void* dy, const void* h, void* dh);
void rotate(Element element, int64_t rows, int64_t stride, int64_t heads, int64_t head_size, int64_t half,
            const void* cosine, const void* sine, double sign, void* data);
void add(Element element, int64_t rows, int64_t width, const void* x, const void* bias, void* y);
void column_sum(Element element, int64_t rows, int64_t width, int64_t stride, const void* x, bool overwrite,
                void* sums);
void accumulate(Element element, int64_t count, const void* x, void* sum);
void softmax_statistics(Element element, int64_t rows, int64_t width, double scale, double soft_cap, void* logits,
                        const int64_t* target, double* statistics);
void softmax_gradient(Element element, int64_t rows, int64_t width, double scale, double soft_cap,
                      const double* statistics, const int64_t* target, const double* factor, const double* at_target,
                      void* logits);
void attention_forward(Element element, const AttentionShape& shape, const AttentionKeyValue& kv, int64_t heads,
                       const AttentionHead* head, int64_t first_query, int64_t end_query, void* scratch);
void attention_backward(Element element, const AttentionShape& shape, const AttentionKeyValue& kv, int64_t heads,
                        const AttentionHead* head, void* scratch);
void attention_rows(Element element, const AttentionShape& shape, const AttentionKeyValue& kv, int64_t heads,
                    const AttentionHead* head, void* scratch);
void row_product(Element element, const RowProduct& product, const void* x, const void* w, void* y, void* scratch);

}  // namespace trireme::kernels::cpu::TRIREME_ISA
