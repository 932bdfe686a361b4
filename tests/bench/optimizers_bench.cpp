// Muon's orthogonalisation of a layer's matrices in fp32 beside the products that it consists of, alone.
//   optimizers_bench THREADS ROUNDS HIDDEN FFN
// Both alternate. Seconds are processor seconds of the main thread, which works in all parallel parts; a wait for a
// thread that other processes hold up is mostly sleep, which does not count.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <omp.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <vector>

#include "models/optim/newton_schulz.hpp"
#include "models/parallel/linear_products.hpp"

namespace {

using namespace trireme;

double main_thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const std::function<void()>& work) {
  const double start = main_thread_seconds();
  work();
  return main_thread_seconds() - start;
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

/// The products of one orthogonalisation of `matrix`, and nothing else.
void products(const at::Tensor& matrix) {
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1), least = std::min(rows, columns);
  at::Tensor gram = at::empty({least, least}, matrix.options()), square = at::empty_like(gram);
  at::Tensor x = matrix, next = at::empty_like(matrix);
  for (int step = 0; step < optim::NewtonSchulz::kSteps; ++step) {
    rows <= columns ? parallel::product_into(x, x.t(), gram) : parallel::product_into(x.t(), x, gram);
    parallel::product_into(gram, gram, square);
    rows <= columns ? parallel::product_into(square, x, next) : parallel::product_into(x, square, next);
  }
}

void run(int rounds, std::int64_t hidden, std::int64_t ffn) {
  optim::NewtonSchulz newton_schulz;
  // q, k, v, o; gate and up; down
  std::vector<at::Tensor> matrices;
  for (int index = 0; index < 4; ++index) matrices.push_back(at::randn({hidden, hidden}, at::kFloat));
  for (int index = 0; index < 2; ++index) matrices.push_back(at::randn({ffn, hidden}, at::kFloat));
  matrices.push_back(at::randn({hidden, ffn}, at::kFloat));
  std::vector<double> ours, bound;
  for (int round = 0; round <= rounds; ++round) {
    const double whole = seconds_of([&] {
      for (at::Tensor& matrix : matrices) newton_schulz.orthogonalise(matrix);
    });
    // The products overwrite nothing but their results: values that are no longer bounded would overflow.
    const double alone = seconds_of([&] {
      for (const at::Tensor& matrix : matrices) products(matrix.mul(1e-3));
    });
    if (round == 0) continue;  // warm-up
    ours.push_back(whole);
    bound.push_back(alone);
  }
  double operations = 0.0;
  for (const at::Tensor& matrix : matrices) {
    operations += optim::NewtonSchulz::operations(matrix.size(0), matrix.size(1));
  }
  std::printf("newton_schulz %.6f %.6f bound %.6f %.6f gflops %.1f\n", median(ours),
              *std::min_element(ours.begin(), ours.end()), median(bound), *std::min_element(bound.begin(), bound.end()),
              operations / median(bound) * 1e-9);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "optimizers_bench THREADS ROUNDS HIDDEN FFN\n");
    return 2;
  }
  try {
    at::set_num_threads(std::atoi(argv[1]));
    omp_set_num_threads(std::atoi(argv[1]));
    run(std::atoi(argv[2]), std::atoll(argv[3]), std::atoll(argv[4]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "optimizers_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
