// Greedy generation by an imported model, without a program around it: the peer of gpt2_generate.py. Waits for a line
// on its input, writes a text for each of BATCH prompts, and prints one JSON object, until the input ends: the texts'
// tokens, seconds of all, seconds of the tokens behind the first, processor seconds of all threads, bytes of weights
// that a token reads, and the bytes per second at which the threads read other memory of the same kind from one end to
// the other.
//   generation_bench CHECKPOINT BATCH PROMPT_TOKENS NEW_TOKENS THREADS fp32|bf16
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <omp.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/host_memory.hpp"
#include "base/json.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "launcher/options/model.hpp"
#include "launcher/session/model_source.hpp"
#include "launcher/session/sampling.hpp"
#include "models/parallel/data_type.hpp"
#include "models/pipeline/inference.hpp"

namespace {

using namespace trireme;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::uint64_t sum_of(const std::uint64_t* words, std::int64_t count) {
  constexpr int kLanes = 16;
  std::uint64_t sums[kLanes] = {};
  for (std::int64_t i = 0; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += words[i + lane];
  }
  std::uint64_t all = 0;
  for (const std::uint64_t sum : sums) all += sum;
  return all;
}

pipeline::ModelSetup setup_of(const launcher::ModelSource& source, const std::string& precision) {
  pipeline::ModelSetup setup;
  setup.model = spec::make_plan(options::config_of(source.options.model));
  setup.precision = precision == "bf16" ? pipeline::Precision::kBf16 : pipeline::Precision::kFp32;
  return setup;
}

class Bench {
 public:
  Bench(base::FileSystem& files, const launcher::ModelSource& source, const std::string& precision, std::int64_t batch,
        std::int64_t prompt, std::int64_t fresh)
      : model_(setup_of(source, precision), {}), batch_(batch), prompt_(prompt), fresh_(fresh) {
    std::vector<checkpoint::WantedBox> wanted;
    for (const pipeline::StateTensor& tensor : model_.state()) {
      // A token reads only one row of the positions' embedding.
      if (tensor.name != "embed.positions") bytes_ += static_cast<double>(tensor.data.nbytes());
      wanted.push_back({checkpoint::kParam, tensor.name, tensor.shape, parallel::data_type(tensor.data), tensor.box,
                        tensor.data.mutable_data_ptr()});
    }
    checkpoint::SingleProcess alone;
    checkpoint::LoadOptions options;
    options.slots = {checkpoint::kParam};
    checkpoint::Reader::open(alone, files, source.weights)->load(wanted, options);
    memory_ = at::empty({std::int64_t{1} << 29}, at::kByte);
    ::madvise(align(memory_.mutable_data_ptr()), memory_.nbytes() - 4096, MADV_HUGEPAGE);
    memory_.fill_(1);
  }

  void write_texts() {
    const double start = now(), processor = processor_seconds();
    pipeline::Generation generation = model_.generation();
    std::vector<int> slots;
    std::vector<std::int64_t> next, prompt(static_cast<std::size_t>(prompt_));
    for (std::int64_t b = 0; b < batch_; ++b) {
      for (std::int64_t i = 0; i < prompt_; ++i) prompt[static_cast<std::size_t>(i)] = (7919 * b + 104729 * i) % 50257;
      slots.push_back(generation.open(prompt_ + fresh_));
      next.push_back(chosen(generation.append(slots.back(), prompt), prompt_));
    }
    std::vector<std::vector<std::int64_t>> texts(next.size());
    const auto keep = [&] {
      for (std::size_t b = 0; b < next.size(); ++b) texts[b].push_back(next[b]);
    };
    keep();
    const double first = now();
    for (std::int64_t made = 1; made < fresh_; ++made) {
      const at::Tensor logits = generation.advance(slots, next);
      for (std::int64_t b = 0; b < batch_; ++b) {
        next[static_cast<std::size_t>(b)] = chosen(logits.select(0, b), prompt_ + made);
      }
      keep();
    }
    const double end = now(), used = processor_seconds() - processor;
    const base::Json answer = {{"seconds", end - start},    {"decode_seconds", end - first},
                               {"processor_seconds", used}, {"weight_bytes", bytes_},
                               {"stream", stream()},        {"tokens", texts}};
    std::printf("%s\n", answer.dump().c_str());
    std::fflush(stdout);
  }

 private:
  static void* align(void* data) {
    return reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(data) + 4095) / 4096 * 4096);
  }

  static std::int64_t chosen(const at::Tensor& logits, std::int64_t position) {
    const std::span<const float> all(logits.const_data_ptr<float>(), static_cast<std::size_t>(logits.numel()));
    return launcher::choose_token(all, {.temperature = 0.0}, position);
  }

  /// Bytes per second; the best of three.
  double stream() const {
    const auto* const data = reinterpret_cast<const std::uint64_t*>(memory_.const_data_ptr<std::uint8_t>());
    const std::int64_t words = memory_.numel() / 8, threads = omp_get_max_threads(), each = words / threads;
    double seconds = 1e9;
    for (int round = 0; round < 3; ++round) {
      const double start = now();
      std::uint64_t sum = 0;
#pragma omp parallel for schedule(static, 1) reduction(+ : sum)
      for (std::int64_t thread = 0; thread < threads; ++thread) sum += sum_of(data + thread * each, each);
      seconds = std::min(seconds, now() - start);
      if (sum == 0) std::abort();
    }
    return static_cast<double>(memory_.numel()) / seconds;
  }

  pipeline::Inference model_;
  std::int64_t batch_, prompt_, fresh_;
  double bytes_ = 0;
  at::Tensor memory_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 7) {
    std::fprintf(stderr, "usage: generation_bench CHECKPOINT BATCH PROMPT_TOKENS NEW_TOKENS THREADS fp32|bf16\n");
    return 2;
  }
  const int threads = std::atoi(arguments[5]);
  at::set_num_threads(threads);
  omp_set_num_threads(threads);
  base::keep_freed_memory();
  try {
    base::PosixFileSystem files;
    Bench bench(files, launcher::find_model(files, arguments[1], {}), arguments[6], std::atoll(arguments[2]),
                std::atoll(arguments[3]), std::atoll(arguments[4]));
    for (std::string line; std::getline(std::cin, line);) bench.write_texts();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "generation_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
