// A training step of GPT-2 124M in fp32 beside the least that its matrix products can take: for each product of the
// step the faster of MKL and oneDNN, with weights that are in no cache. Steps and products alternate.
//   products_bench THREADS ROUNDS SEQUENCE BATCH
// Seconds are processor seconds of the main thread, which works in all parallel parts; a wait for a thread that other
// processes hold up is mostly sleep, which does not count.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/zeros.h>
#include <omp.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "base/host_memory.hpp"
#include "models/kernels/cpu/isa.hpp"
#include "models/parallel/linear_products.hpp"
#include "models/pipeline/trainer.hpp"
#include "models/spec/families/family.hpp"

namespace {

using namespace trireme;

constexpr std::int64_t kMaximumWeights = 24;

double main_thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

double best(const std::vector<double>& x) { return *std::min_element(x.begin(), x.end()); }

/// Weights (out, in) of a linear, and how often a step multiplies by such a one.
struct Weights {
  const char* name;
  std::int64_t out;
  std::int64_t in;
  std::int64_t times;
};

/// Enough copies of a weight that the last-level cache holds no one's data when its turn comes again.
std::int64_t copies_of(const Weights& weights) {
  const std::int64_t cache = std::max<std::int64_t>(32 << 20, sysconf(_SC_LEVEL3_CACHE_SIZE));
  const std::int64_t bytes = weights.out * weights.in * 4;
  return std::clamp<std::int64_t>(2 * cache / bytes + 1, 1, kMaximumWeights);
}

/// One product of the step by each library; a call takes the next copy of the weight.
struct Product {
  std::string name;
  double operations;
  std::int64_t times;
  bool in_step;
  std::function<void(parallel::ProductLibrary, std::int64_t turn)> compute;
  std::vector<double> mkl = {};
  std::vector<double> onednn = {};

  bool onednn_wins() const { return !onednn.empty() && median(onednn) < median(mkl); }
  const std::vector<double>& faster() const { return onednn_wins() ? onednn : mkl; }
};

void add_products(const Weights& weights, std::int64_t rows, std::vector<Product>& products) {
  const std::int64_t copies = copies_of(weights);
  const at::Tensor w = at::randn({copies, weights.out, weights.in});
  const at::Tensor gradients = at::zeros({copies, weights.out, weights.in});
  const at::Tensor x = at::randn({rows, weights.in}), y = at::randn({rows, weights.out});
  const at::Tensor result = at::empty({rows, weights.out}), dx = at::empty({rows, weights.in});
  const double operations = 2.0 * static_cast<double>(rows * weights.out * weights.in);
  using parallel::ProductLibrary;
  const auto add = [&](const char* kind, bool in_step, std::function<void(ProductLibrary, std::int64_t)> compute) {
    products.push_back(
        {std::string(weights.name) + " " + kind, operations, weights.times, in_step, std::move(compute)});
  };
  const auto weight_grad = [=](double beta) {
    return [=](ProductLibrary library, std::int64_t turn) {
      at::Tensor to = gradients.select(0, turn % copies);
      parallel::product_by(library, y.t(), x, beta, to);
    };
  };
  add("forward", true, [=](ProductLibrary library, std::int64_t turn) {
    at::Tensor to = result;
    parallel::product_by(library, x, w.select(0, turn % copies).t(), 0.0, to);
  });
  add("input gradient", true, [=](ProductLibrary library, std::int64_t turn) {
    at::Tensor to = dx;
    parallel::product_by(library, y, w.select(0, turn % copies), 0.0, to);
  });
  add("weight gradient", true, weight_grad(0.0));
  add("weight gradient, added", false, weight_grad(1.0));
}

double seconds_of(const Product& product, parallel::ProductLibrary library, std::int64_t& turn) {
  const std::int64_t calls = std::max<std::int64_t>(1, static_cast<std::int64_t>(5e9 / product.operations));
  const double start = main_thread_seconds();
  for (std::int64_t call = 0; call < calls; ++call) product.compute(library, turn++);
  return (main_thread_seconds() - start) / static_cast<double>(calls);
}

/// The step, with the same random batch each time.
struct Step {
  Step(const spec::ModelPlan& model, std::int64_t batch)
      : config_(config_of(model, batch)), trainer_(config_, pipeline::Groups{}) {
    trainer_.initialise();
    batch_.tokens = at::randint(0, model.vocab, {batch, model.sequence}, at::kLong);
    batch_.targets = batch_.tokens.roll(-1, 1).contiguous();
    batch_.samples.resize(static_cast<std::size_t>(batch));
  }

  void run(bool keep) {
    const double start = main_thread_seconds();
    const pipeline::StepResult result = trainer_.step({&batch_, 1}, batch_.tokens.numel(), 3e-4);
    if (!keep) return;
    seconds.push_back(main_thread_seconds() - start);
    optimizer_seconds.push_back(result.optimizer_seconds);
  }

  std::vector<double> seconds;
  std::vector<double> optimizer_seconds;  ///< by the clock on the wall

 private:
  static pipeline::TrainerConfig config_of(const spec::ModelPlan& model, std::int64_t batch) {
    pipeline::TrainerConfig config;
    config.model = model;
    config.micro_batch = batch;
    return config;
  }

  pipeline::TrainerConfig config_;
  pipeline::Trainer trainer_;
  transformer::MicroBatch batch_;
};

void print_product(const Product& product, double step) {
  const auto rate = [&](const std::vector<double>& x) {
    return x.empty() ? 0.0 : 1e-9 * product.operations / median(x);
  };
  std::printf("  %-30s MKL %6.1f, oneDNN %6.1f GFLOP/s, x %-2lld", product.name.c_str(), rate(product.mkl),
              rate(product.onednn), static_cast<long long>(product.times));
  if (product.in_step) {
    std::printf(" = %5.1f%% of the step", 100.0 * static_cast<double>(product.times) * median(product.faster()) / step);
  }
  std::printf("\n");
}

/// The last line is for scripts: "step MEDIAN BEST bound MEDIAN BEST".
void print(const Step& step, const std::vector<Product>& products) {
  const double median_step = median(step.seconds);
  double bound = 0, best_bound = 0;
  for (const Product& product : products) {
    print_product(product, median_step);
    if (!product.in_step) continue;
    bound += static_cast<double>(product.times) * median(product.faster());
    best_bound += static_cast<double>(product.times) *
                  (product.onednn.empty() ? best(product.mkl) : std::min(best(product.mkl), best(product.onednn)));
  }
  std::printf("  optimizer, %.3f s (wall clock)        %5.1f%% of the step\n", median(step.optimizer_seconds),
              100 * median(step.optimizer_seconds) / median_step);
  std::printf("  all that is no product               %5.1f%% of the step\n", 100 * (1 - bound / median_step));
  std::printf("step %.4f %.4f bound %.4f %.4f\n", median_step, best(step.seconds), bound, best_bound);
}

void run(int threads, int rounds, std::int64_t sequence, std::int64_t batch) {
  base::keep_freed_memory();
  at::set_num_threads(threads);
  omp_set_num_threads(threads);
  spec::ModelConfig config = spec::preset("gpt2-124m").value();
  config.sequence = sequence;
  config.vocab = 50257;
  const spec::ModelPlan model = spec::make_plan(config);
  const std::int64_t width = model.hidden, layers = model.layer_count();
  std::vector<Product> products;
  for (const Weights& weights : {Weights{"qkv", 3 * width, width, layers}, Weights{"o", width, width, layers},
                                 Weights{"up", 4 * width, width, layers}, Weights{"down", width, 4 * width, layers},
                                 Weights{"head", model.vocab, width, 1}}) {
    add_products(weights, sequence * batch, products);
  }
  Step step(model, batch);
  std::int64_t turn = 0;
  using parallel::ProductLibrary;
  for (int round = -1; round < rounds; ++round) {
    step.run(round >= 0);
    for (Product& product : products) {
      const double mkl = seconds_of(product, ProductLibrary::kMkl, turn);
      const double onednn = parallel::onednn_runs_here() ? seconds_of(product, ProductLibrary::kOneDnn, turn) : 0.0;
      if (round < 0) continue;
      product.mkl.push_back(mkl);
      if (parallel::onednn_runs_here()) product.onednn.push_back(onednn);
    }
  }
  std::printf("%s, %d threads, %lld x %lld tokens\n", kernels::cpu::isa_table().name, threads,
              static_cast<long long>(batch), static_cast<long long>(sequence));
  print(step, products);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: products_bench THREADS ROUNDS SEQUENCE BATCH\n");
    return 2;
  }
  try {
    run(std::atoi(argv[1]), std::atoi(argv[2]), std::atoll(argv[3]), std::atoll(argv[4]));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "products_bench: %s\n", error.what());
    return 1;
  }
}
