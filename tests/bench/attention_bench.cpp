// Rates of our attention on the CPU and of ATen's flash attention for CPUs on one thread, alternating, in GFLOP/s of
// the work that the mask leaves (2 products forward, 5 backward), beside the rate of a matrix product of good size.
// Times are the thread's processor time; medians of some rounds. What two threads gain is measured by the clock on the
// wall, where only the best of many rounds says something beside other work.
//   attention_bench [INSTRUCTION_SET [ROUNDS]]      v2, v3, v4: our kernels of it; by default the best one
#include <ATen/Parallel.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <omp.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "models/attention/host.hpp"
#include "models/parallel/linear_products.hpp"

namespace {

using namespace trireme;

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double wall_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

struct Case {
  const char* name;
  std::int64_t length;
  std::int64_t batch;
  std::int64_t heads;
  std::int64_t kv_heads;
  std::int64_t window;
  at::ScalarType type;
};

constexpr std::int64_t kHeadSize = 64;

attention::Setting setting_of(const Case& c) {
  spec::AttentionSpec attention;
  attention.heads = c.heads;
  attention.kv_heads = c.kv_heads;
  attention.head_size = kHeadSize;
  attention.scale = 1.0 / std::sqrt(static_cast<double>(kHeadSize));
  attention.window = c.window;
  return attention::rank_setting(attention, 0, 1, at::kCPU);
}

/// Pairs of a query and a key that it sees.
double pairs(const Case& c) {
  double sum = 0;
  for (std::int64_t p = 0; p < c.length; ++p) {
    sum += static_cast<double>(c.window > 0 ? std::min(c.window, p + 1) : p + 1);
  }
  return sum * static_cast<double>(c.batch * c.heads);
}

/// ATen's operations on views of q, k, v. Heads of k and v are repeated within its time where it needs that; a window
/// is an additive mask, which is made before.
struct Peer {
  Peer(const Case& c, const at::Tensor& qkv) : c_(c) {
    const std::int64_t q = c.heads * kHeadSize, kv = c.kv_heads * kHeadSize;
    const auto view = [&](std::int64_t first, std::int64_t heads) {
      return qkv.narrow(2, first, heads * kHeadSize).unflatten(2, {heads, kHeadSize}).permute({1, 2, 0, 3});
    };
    q_ = view(0, c.heads);
    k_ = view(q, c.kv_heads);
    v_ = view(q + kv, c.kv_heads);
    if (c.window == 0) return;
    const at::Tensor hidden = at::ones({c.length, c.length}, at::kBool)
                                  .triu_(1)
                                  .logical_or_(at::ones({c.length, c.length}, at::kBool).tril_(-c.window));
    mask_ =
        at::zeros({c.length, c.length}, qkv.options()).masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  }

  at::Tensor repeated(const at::Tensor& x) const {
    if (c_.heads == c_.kv_heads) return x;
    return x.unsqueeze(2).expand({-1, -1, c_.heads / c_.kv_heads, -1, -1}).flatten(1, 2);
  }
  at::Tensor summed(const at::Tensor& x) const {
    return c_.heads == c_.kv_heads ? x : x.unflatten(1, {c_.kv_heads, c_.heads / c_.kv_heads}).sum(2);
  }
  void forward() {
    std::tie(output_, sums_) =
        at::_scaled_dot_product_flash_attention_for_cpu(q_, repeated(k_), repeated(v_), 0.0, !mask_, mask_);
  }
  void backward(const at::Tensor& grad_TBD) {
    const at::Tensor grad = grad_TBD.unflatten(2, {c_.heads, kHeadSize}).permute({1, 2, 0, 3});
    const auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        grad, q_, repeated(k_), repeated(v_), output_, sums_, 0.0, !mask_, mask_);
    summed(dk);
    summed(dv);
  }

  /// The output and the gradients laid out like ours, for as many key heads as query heads.
  std::pair<at::Tensor, at::Tensor> results(const at::Tensor& grad_TBD) const {
    const at::Tensor grad = grad_TBD.unflatten(2, {c_.heads, kHeadSize}).permute({1, 2, 0, 3});
    const auto [dq, dk, dv] =
        at::_scaled_dot_product_flash_attention_for_cpu_backward(grad, q_, k_, v_, output_, sums_, 0.0, !mask_, mask_);
    const auto by_position = [](const at::Tensor& x) { return x.permute({2, 0, 1, 3}).flatten(2, 3); };
    return {by_position(output_), at::cat({by_position(dq), by_position(dk), by_position(dv)}, 2)};
  }

 private:
  const Case& c_;
  at::Tensor q_, k_, v_, output_, sums_;
  std::optional<at::Tensor> mask_;
};

/// Medians of the candidates' seconds per call; each is called for 30 ms a round.
std::vector<double> alternate(const std::vector<std::function<void()>>& candidates, int rounds) {
  std::vector<std::vector<double>> seconds(candidates.size());
  std::vector<int> calls(candidates.size(), 1);
  for (int round = -1; round < rounds; ++round) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const double start = thread_seconds();
      for (int call = 0; call < calls[i]; ++call) candidates[i]();
      const double each = (thread_seconds() - start) / calls[i];
      if (round >= 0) seconds[i].push_back(each);
      if (round < 0) calls[i] = std::max(1, static_cast<int>(0.03 / each));
    }
  }
  std::vector<double> medians;
  for (const auto& x : seconds) medians.push_back(median(x));
  return medians;
}

/// GFLOP/s of a product of 768 x 768 x 3072 in fp32.
double product_rate(int rounds) {
  const at::Tensor x = at::randn({768, 768}), w = at::randn({3072, 768});
  const double seconds = alternate({[&] { parallel::linear_product(x, w); }}, rounds)[0];
  return 2e-9 * 768.0 * 768.0 * 3072.0 / seconds;
}

void compare(const Case& c, const kernels::cpu::IsaTable& table, int rounds) {
  const attention::Setting setting = setting_of(c);
  const at::Tensor qkv = at::randn({c.length, c.batch, setting.width()}).to(c.type);
  const at::Tensor grad = at::randn({c.length, c.batch, setting.query_width()}).to(c.type);
  attention::Forward ours;
  Peer peer(c, qkv);
  const auto seconds =
      alternate({[&] { ours = attention::host_forward(qkv, setting, {}, table); }, [&] { peer.forward(); },
                 [&] { attention::host_backward(grad, qkv, ours, setting, {}, table); }, [&] { peer.backward(grad); }},
                rounds);
  const double product = 2e-9 * static_cast<double>(kHeadSize) * pairs(c);
  std::printf("%-28s %-8s %7.1f %7.1f %6.2f   %7.1f %7.1f %6.2f   %6.2f   %8.3f ms\n", c.name, c10::toString(c.type),
              2 * product / seconds[0], 2 * product / seconds[1], seconds[1] / seconds[0], 5 * product / seconds[2],
              5 * product / seconds[3], seconds[3] / seconds[2], (seconds[1] + seconds[3]) / (seconds[0] + seconds[2]),
              1e3 * (seconds[0] + seconds[2]));
}

/// Largest errors of our and ATen's outputs and gradients against our kernels in fp64.
void compare_errors(const Case& c, const kernels::cpu::IsaTable& table) {
  const attention::Setting setting = setting_of(c);
  const at::Tensor qkv = at::randn({c.length, c.batch, setting.width()}).to(c.type);
  const at::Tensor grad = at::randn({c.length, c.batch, setting.query_width()}).to(c.type);
  const auto error = [](const at::Tensor& x, const at::Tensor& exact) {
    return x.to(at::kDouble).sub(exact).abs().max().item<double>();
  };
  const auto both = [&](const at::Tensor& x, const at::Tensor& g) {
    const attention::Forward forward = attention::host_forward(x, setting, {}, table);
    return std::pair(forward.output_TBD, attention::host_backward(g, x, forward, setting, {}, table));
  };
  const auto exact = both(qkv.to(at::kDouble), grad.to(at::kDouble));
  const auto ours = both(qkv, grad);
  Peer peer(c, qkv);
  peer.forward();
  const auto theirs = peer.results(grad);
  std::printf("largest errors, T %lld      %-8s output %.1e, ATen %.1e; gradients %.1e, ATen %.1e\n",
              static_cast<long long>(c.length), c10::toString(c.type), error(ours.first, exact.first),
              error(theirs.first, exact.first), error(ours.second, exact.second), error(theirs.second, exact.second));
}

/// One new token after `past` cached ones.
void compare_generation(std::int64_t past, at::ScalarType type, const kernels::cpu::IsaTable& table, int rounds) {
  const Case c{"", 1, 1, 12, 12, 0, type};
  const attention::Setting setting = setting_of(c);
  const at::Tensor qkv = at::randn({1, setting.width()}).to(type);
  const at::Tensor keys = at::randn({past + 1, setting.kv_width()}).to(type), values = keys.clone();
  const auto view = [](const at::Tensor& x) { return x.unflatten(1, {1, 12, kHeadSize}).permute({1, 2, 0, 3}); };
  const at::Tensor q = view(qkv.narrow(1, 0, setting.query_width())), k = view(keys), v = view(values);
  const auto seconds = alternate({[&] {
                                    attention::host_cached(qkv, {{0, 1, keys, values}}, setting, table);
                                  },
                                  [&] { at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, false); }},
                                 rounds);
  std::printf("one token after %5lld        %-8s %7.1f us, ATen %7.1f us, ratio %.2f\n", static_cast<long long>(past),
              c10::toString(type), 1e6 * seconds[0], 1e6 * seconds[1], seconds[1] / seconds[0]);
}

/// The least seconds of the wall that `f` takes with one thread and with two, alternating.
std::pair<double, double> with_one_and_two_threads(const std::function<void()>& f, int rounds) {
  double least[] = {1e9, 1e9};
  for (int round = 0; round < 2 * rounds; ++round) {
    omp_set_num_threads(1 + round % 2);
    f();  // the threads start
    const double start = wall_seconds();
    f();
    least[round % 2] = std::min(least[round % 2], wall_seconds() - start);
  }
  omp_set_num_threads(1);
  return {least[0], least[1]};
}

/// A sequence of four documents of equal length in one, against the same sequence as one document, and against the
/// documents as four sequences.
void compare_packed(std::int64_t length, at::ScalarType type, const kernels::cpu::IsaTable& table, int rounds) {
  const Case c{"", length, 1, 12, 12, 0, type};
  const attention::Setting setting = setting_of(c);
  const at::Tensor qkv = at::randn({length, 1, setting.width()}).to(type);
  const at::Tensor grad = at::randn({length, 1, setting.query_width()}).to(type);
  const at::Tensor starts =
      at::arange(length, at::kLong).floor_divide(length / 4).mul(length / 4).to(at::kInt).unsqueeze(0);
  const auto apart = [&](const at::Tensor& x) { return x.view({4, length / 4, -1}).transpose(0, 1).contiguous(); };
  const auto both = [&](const at::Tensor& x, const at::Tensor& dy, const at::Tensor& of) {
    attention::host_backward(dy, x, attention::host_forward(x, setting, of, table), setting, of, table);
  };
  const at::Tensor parts = apart(qkv), part_grads = apart(grad);
  const auto seconds = alternate(
      {[&] { both(qkv, grad, {}); }, [&] { both(qkv, grad, starts); }, [&] { both(parts, part_grads, {}); }}, rounds);
  std::printf("T %4lld of 4 documents       %-8s both %8.3f ms; one document %8.3f, ratio %.2f; apart %8.3f, %.2f\n",
              static_cast<long long>(length), c10::toString(type), 1e3 * seconds[1], 1e3 * seconds[0],
              seconds[1] / seconds[0], 1e3 * seconds[2], seconds[1] / seconds[2]);
}

/// What a second thread gains where few key/value heads are to be divided.
void compare_threads(const Case& c, const kernels::cpu::IsaTable& table, int rounds) {
  const attention::Setting setting = setting_of(c);
  const at::Tensor qkv = at::randn({c.length, c.batch, setting.width()}).to(c.type);
  const at::Tensor grad = at::randn({c.length, c.batch, setting.query_width()}).to(c.type);
  const at::Tensor keys = at::randn({c.batch, c.length, setting.kv_width()}).to(c.type), values = keys.clone();
  const attention::Forward forward = attention::host_forward(qkv, setting, {}, table);
  const auto backward =
      with_one_and_two_threads([&] { attention::host_backward(grad, qkv, forward, setting, {}, table); }, 20 * rounds);
  const at::Tensor last = qkv.select(0, c.length - 1).contiguous();
  std::vector<attention::CachedSequence> sequences;
  for (std::int64_t b = 0; b < c.batch; ++b) sequences.push_back({b, 1, keys.select(0, b), values.select(0, b)});
  const auto token =
      with_one_and_two_threads([&] { attention::host_cached(last, sequences, setting, table); }, 200 * rounds);
  std::printf("%-28s %-8s backward %8.3f ms, 2 threads %8.3f, ratio %.2f; one token %7.1f us, %7.1f, %.2f\n", c.name,
              c10::toString(c.type), 1e3 * backward.first, 1e3 * backward.second, backward.first / backward.second,
              1e6 * token.first, 1e6 * token.second, token.first / token.second);
}

int run(const std::string& name, int rounds) {
  at::set_num_threads(1);
  omp_set_num_threads(1);
  const kernels::cpu::IsaTable* table = nullptr;
  for (const kernels::cpu::IsaTable* candidate : kernels::cpu::isa_tables()) {
    if (table == nullptr && (name.empty() || name == candidate->name)) table = candidate;
  }
  if (table == nullptr) {
    std::fprintf(stderr, "attention_bench: this CPU has no %s\n", name.c_str());
    return 77;
  }
  std::printf("our kernels: %s; a product of 768 x 768 x 3072 in fp32: %.1f GFLOP/s\n", table->name,
              product_rate(rounds));
  std::printf("one thread, heads of 64      type     forward: ATen   ratio   backward: ATen  ratio     both   ours\n");
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    compare({"T 64, B 4, 12 heads", 64, 4, 12, 12, 0, type}, *table, rounds);
    compare({"T 256, B 4, 12 heads", 256, 4, 12, 12, 0, type}, *table, rounds);
    compare({"T 1024, B 1, 12 heads", 1024, 1, 12, 12, 0, type}, *table, rounds);
    compare({"T 1024, B 1, 12/4 heads", 1024, 1, 12, 4, 0, type}, *table, rounds);
    compare({"T 4096, window 512, 4 heads", 4096, 1, 4, 4, 512, type}, *table, rounds);
    compare_errors({"", 1024, 1, 12, 12, 0, type}, *table);
    for (const std::int64_t length : {256, 1024}) compare_packed(length, type, *table, rounds);
    for (const std::int64_t past : {64, 1023}) compare_generation(past, type, *table, rounds);
    compare_threads({"T 64, B 1, 4/1 heads", 64, 1, 4, 1, 0, type}, *table, rounds);
    compare_threads({"T 1024, B 1, 4/1 heads", 1024, 1, 4, 1, 0, type}, *table, rounds);
    compare_threads({"T 1024, B 1, 12 heads", 1024, 1, 12, 12, 0, type}, *table, rounds);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc > 1 ? argv[1] : "", argc > 2 ? std::atoi(argv[2]) : 7);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "attention_bench: %s\n", error.what());
    return 1;
  }
}
