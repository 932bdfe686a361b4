// checkpoint_bench DIRECTORY WRITERS: for each word on stdin (save, async, async-cpu, stall, copy, load, reshard,
// excess, excess-weights, read, read-direct, clean) one timed operation, its seconds on stdout. The state is GPT-2 124M
// with AdamW's moments in fp32 (1.49 GB), held alike by every writer (data parallel), the writers being threads. `load`
// and `read` take the checkpoint that `save` left, with its pages dropped from the cache; `read` and `read-direct` are
// bounds for `load`: the same files read by as many threads, 16 MiB at a time, through the page cache or past it, and
// nothing else. `load` wants equal parts of the rows of every tensor, `reshard` of the columns, so that every block
// goes to all ranks in pieces. `excess` and `excess-weights` (parameters alone) print no seconds, but the bytes that a
// `reshard` read over those of the checksum blocks that it needs. `async` is a save beside a training until its commit,
// `async-cpu` the processor's seconds in it, `stall` the part of it that the training waits for, `copy` a bound for
// that: a memcpy of the same bytes by as many threads. The process lives on between operations, as a training does, so
// its memory is warm.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/error.hpp"
#include "base/host_memory.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/save/writer.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace {

using namespace trireme;
using namespace trireme::checkpoint;
using Clock = std::chrono::steady_clock;
using Path = std::filesystem::path;

struct State {
  std::vector<StoredBox> stored;
  std::vector<WantedBox> wanted;
  std::vector<float> memory;
};

State make_state() {
  std::vector<std::pair<std::string, Shape>> tensors = {{"embed.tokens", {50257, 768}},
                                                        {"embed.positions", {1024, 768}}};
  for (int layer = 0; layer < 12; ++layer) {
    const std::string prefix = base::str("layers.", layer, ".");
    for (const char* name : {"attention.q", "attention.k", "attention.v", "attention.o"}) {
      tensors.push_back({prefix + name + ".weight", {768, 768}});
      tensors.push_back({prefix + name + ".bias", {768}});
    }
    tensors.push_back({prefix + "ffn.up.weight", {3072, 768}});
    tensors.push_back({prefix + "ffn.up.bias", {3072}});
    tensors.push_back({prefix + "ffn.down.weight", {768, 3072}});
    tensors.push_back({prefix + "ffn.down.bias", {768}});
    tensors.push_back({prefix + "ffn_norm.weight", {768}});
  }
  State state;
  std::size_t elements = 0;
  for (const auto& [name, shape] : tensors) elements += 3 * static_cast<std::size_t>(topology::elements_of(shape));
  state.memory.resize(elements);
  for (std::size_t i = 0; i < elements; ++i) state.memory[i] = static_cast<float>(i % 1000003);
  float* next = state.memory.data();
  for (const std::string slot : {kParam, kAdamM, kAdamV}) {
    for (const auto& [name, shape] : tensors) {
      state.stored.push_back({slot, name, shape, DataType::kFloat32, topology::whole(shape), next});
      state.wanted.push_back({slot, name, shape, DataType::kFloat32, topology::whole(shape), next});
      next += topology::elements_of(shape);
    }
  }
  return state;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Of all threads of this process.
double processor_seconds(const std::function<void()>& action) {
  const auto used = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  };
  const double before = used();
  action();
  return used() - before;
}

void drop_caches(const Path& step) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(step)) {
    if (!entry.is_regular_file()) continue;
    base::PosixFileSystem files;
    files.open(entry.path(), base::OpenMode::kRead)->drop_cache();
  }
}

double save(const State& state, const Path& directory, int writers) {
  std::filesystem::remove_all(directory / "checkpoints");
  ::sync();
  double seconds = 0;
  tests::run_ranks(writers, 1, [&](Coordinator& coordinator) {
    base::PosixFileSystem files;
    SaveInfo info;
    info.directory = directory / "checkpoints";
    info.step = 1;
    info.token = "bench";
    const auto result = Writer(coordinator, files).save(info, state.stored);
    if (!result.ok) throw base::Error(result.error);
    if (coordinator.rank() == 0) {
      seconds = result.seconds;
    }
  });
  return seconds;
}

/// Saves beside the training: the writers and their pools live on from save to save.
class AsyncSaves {
 public:
  AsyncSaves(const State& state, Path directory, int writers)
      : state_(state), directory_(std::move(directory)), planning_(writers, 1), draining_(writers, 1) {
    for (int rank = 0; rank < writers; ++rank) {
      ranks_.push_back(std::make_unique<Rank>(planning_, draining_, rank, files_));
    }
  }

  /// The seconds that a training would wait, with `stall`, or those until the checkpoint is committed.
  double save(bool stall) {
    std::filesystem::remove_all(directory_ / "checkpoints");
    ::sync();
    double waited = 0;
    const auto start = Clock::now();
    on_all([&](Rank& rank) {
      SaveInfo info;
      info.directory = directory_ / "checkpoints";
      info.step = 1;
      info.token = "bench";
      rank.writer.start(std::move(info), state_.stored);
      rank.writer.wait_for_snapshot();
    });
    waited = seconds_since(start);
    on_all([](Rank& rank) {
      const auto result = rank.writer.finish();
      if (!result.ok) throw base::Error(result.error);
    });
    return stall ? waited : seconds_since(start);
  }

  /// The same bytes, copied by as many threads into memory that is there already.
  double copy() {
    copy_.resize(state_.memory.size());
    const std::size_t share = copy_.size() / ranks_.size();
    std::size_t next = 0;
    const auto start = Clock::now();
    std::vector<std::thread> threads;
    for (std::size_t r = 0; r < ranks_.size(); ++r, next += share) {
      threads.emplace_back(
          [&, next] { std::memcpy(copy_.data() + next, state_.memory.data() + next, share * sizeof(float)); });
    }
    for (auto& thread : threads) thread.join();
    return seconds_since(start);
  }

 private:
  struct Rank {
    Rank(tests::ThreadGroup& planning, tests::ThreadGroup& draining, int rank, base::FileSystem& files)
        : planner(planning, rank), drainer(draining, rank), writer(planner, files, {drainer, memory, kPool}) {}

    static constexpr std::uint64_t kPool = std::uint64_t{4} << 30;
    tests::ThreadCoordinator planner;
    tests::ThreadCoordinator drainer;
    HostStateMemory memory;
    Writer writer;
  };

  template <typename Body>
  void on_all(Body body) {
    std::vector<std::thread> threads;
    for (auto& rank : ranks_) threads.emplace_back([&] { body(*rank); });
    for (auto& thread : threads) thread.join();
  }

  const State& state_;
  Path directory_;
  base::PosixFileSystem files_;
  tests::ThreadGroup planning_;
  tests::ThreadGroup draining_;
  std::vector<std::unique_ptr<Rank>> ranks_;
  std::vector<float> copy_;
};

enum class Cut { kRows, kColumns };

/// What a rank wants: its part of every tensor, so that no byte goes to two ranks. The parts lie one after another in
/// the state's memory.
std::vector<WantedBox> wanted_by(const State& state, int rank, int ranks, Cut cut) {
  std::vector<WantedBox> mine;
  for (WantedBox box : state.wanted) {
    const std::size_t dim = cut == Cut::kColumns ? box.shape.size() - 1 : 0;
    const std::int64_t length = box.shape[dim], across = topology::elements_of(box.shape) / length;
    const std::int64_t first = length * rank / ranks;
    box.box.offset[dim] = first;
    box.box.size[dim] = length * (rank + 1) / ranks - first;
    box.data = static_cast<float*>(box.data) + first * across;
    mine.push_back(box);
  }
  return mine;
}

struct Loaded {
  double seconds = 0;
  double excess = 0;  ///< bytes read over those of the blocks that were needed
};

std::uint64_t bytes_considered(const BoxTable& table, const LoadOptions& options) {
  std::uint64_t bytes = 0;
  for (const auto& box : table.boxes) {
    if (options.considers(table.tensors[box.tensor].slot)) bytes += table.bytes_of(box);
  }
  return bytes;
}

/// By this process so far, as the kernel counts them, past the page cache too.
std::uint64_t bytes_read() {
  std::ifstream facts("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  facts >> name >> bytes;  // the first line: rchar
  return bytes;
}

Loaded load(const State& state, const Path& directory, int readers, Cut cut, const LoadOptions& options = {}) {
  drop_caches(directory / "checkpoints/step_1");
  const std::uint64_t read_before = bytes_read();
  std::uint64_t needed = 0;
  const auto start = Clock::now();
  tests::run_ranks(readers, 1, [&](Coordinator& coordinator) {
    base::PosixFileSystem files;
    const auto reader = Reader::open(coordinator, files, directory / "checkpoints/step_1");
    std::vector<WantedBox> mine = wanted_by(state, coordinator.rank(), coordinator.size(), cut);
    std::erase_if(mine, [&](const WantedBox& box) { return !options.considers(box.slot); });
    reader->load(mine, options);
    if (coordinator.rank() == 0) needed = bytes_considered(reader->table(), options);
  });
  const double seconds = seconds_since(start);
  return {seconds, static_cast<double>(bytes_read() - read_before) / static_cast<double>(needed)};
}

double plain_read(const Path& directory, int readers, base::OpenMode mode) {
  drop_caches(directory / "checkpoints/step_1");
  base::PosixFileSystem files;
  const auto opened = open_checkpoint(files, directory / "checkpoints/step_1");
  std::vector<Path> paths;
  for (const auto& shard : opened.manifest.files) paths.push_back(opened.path / shard.name);
  constexpr std::size_t kBlock = 16 << 20;
  std::vector<base::AlignedBuffer> buffers;
  for (int r = 0; r < readers; ++r) {
    buffers.emplace_back(kBlock);
    std::memset(buffers.back().data(), 1, kBlock);  // its pages are there before the clock starts
  }
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int r = 0; r < readers; ++r) {
    threads.emplace_back([&, r] {
      for (std::size_t i = static_cast<std::size_t>(r); i < paths.size(); i += static_cast<std::size_t>(readers)) {
        base::PosixFileSystem mine;
        const auto file = mine.open(paths[i], mode);
        const std::uint64_t length = file->size();
        for (std::uint64_t at = 0; at < length; at += kBlock) {
          file->pread(buffers[static_cast<std::size_t>(r)].data(), kBlock, at);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return seconds_since(start);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: checkpoint_bench DIRECTORY WRITERS < words\n", stderr);
    return 2;
  }
  base::keep_freed_memory();  // as the program does
  const Path directory = argv[1];
  const int writers = std::atoi(argv[2]);
  const State state = make_state();
  AsyncSaves async(state, directory, writers);
  for (std::string word; std::cin >> word;) {
    double seconds = 0;
    if (word == "stall") seconds = async.save(true);
    if (word == "async") seconds = async.save(false);
    if (word == "async-cpu") seconds = processor_seconds([&] { async.save(false); });
    if (word == "copy") seconds = async.copy();
    if (word == "save") seconds = save(state, directory, writers);
    if (word == "load") seconds = load(state, directory, writers, Cut::kRows).seconds;
    if (word == "reshard") seconds = load(state, directory, writers, Cut::kColumns).seconds;
    if (word == "excess") seconds = load(state, directory, writers, Cut::kColumns).excess;
    if (word == "excess-weights") seconds = load(state, directory, writers, Cut::kColumns, {{kParam}, {}}).excess;
    if (word == "read") seconds = plain_read(directory, writers, base::OpenMode::kRead);
    if (word == "read-direct") seconds = plain_read(directory, writers, base::OpenMode::kReadDirect);
    if (word == "clean") std::filesystem::remove_all(directory / "checkpoints");
    std::printf("%.6f\n", seconds);
    std::fflush(stdout);
  }
  return 0;
}
