#include "collectives/mpi/shared_channel.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/error.hpp"
#include "collectives/mpi/shared_task.hpp"
#include "collectives/ops/reduce.hpp"

namespace trireme::collectives {

namespace {

/// Bytes of one of a rank's two buffers, all pieces together: small enough to stay in a second-level cache.
constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
constexpr std::size_t kSmallestPiece = std::size_t{16} * 1024;
constexpr std::size_t kBuffers = 2;
/// A signature is overwritten four chunks later, when every rank has finished its chunk.
constexpr std::size_t kSignatures = 4;
/// Each piece begins on a cache line of its own.
constexpr std::size_t kLine = 128;

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

bool on_one_node(MPI_Comm handle, int size) {
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(handle, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node), "finding neighbours", "node");
  int node_size = 0;
  MPI_Comm_size(node, &node_size);
  MPI_Comm_free(&node);
  int smallest = node_size;
  check_mpi(MPI_Allreduce(&node_size, &smallest, 1, MPI_INT, MPI_MIN, handle), "finding neighbours", "node");
  return smallest == size;
}

}  // namespace

class SharedChannel::State final : public Request::State {
 public:
  State(SharedChannel& channel, std::shared_ptr<SharedTask> task, Operation operation, std::uint64_t number)
      : channel_(&channel), task_(std::move(task)), operation_(operation), number_(number) {}

  bool test() override {
    channel_->context_->progress.poll();
    return over();
  }
  void wait() override {
    if (over()) return;
    channel_->trace_->begin_wait(operation_, number_, -1);
    channel_->context_->progress.wait([this] { return over(); }, false);
    channel_->trace_->end_wait();
  }
  void abandon() noexcept override { channel_->abandon(); }

 private:
  bool over() const {
    if (task_->done.load(std::memory_order_acquire)) return true;
    const std::lock_guard lock(channel_->context_->progress.mutex());
    if (!channel_->broken_.empty()) throw base::Error(channel_->broken_);
    return false;
  }

  SharedChannel* channel_;
  std::shared_ptr<SharedTask> task_;
  Operation operation_;
  std::uint64_t number_;
};

std::unique_ptr<SharedChannel> SharedChannel::open(std::shared_ptr<MpiContext> context,
                                                   std::shared_ptr<GroupTrace> trace, MPI_Comm handle, int rank,
                                                   int size) {
  if (!on_one_node(handle, size)) return nullptr;
  const std::size_t piece = std::max(kSmallestPiece, kBufferBytes / static_cast<std::size_t>(size));
  const std::size_t bytes = sizeof(Progressed) + kBuffers * (static_cast<std::size_t>(size) + 1) * piece + kLine;
  MPI_Info info = MPI_INFO_NULL;
  MPI_Info_create(&info);
  MPI_Info_set(info, "alloc_shared_noncontig", "true");
  void* base = nullptr;
  MPI_Win window = MPI_WIN_NULL;
  const int code = MPI_Win_allocate_shared(static_cast<MPI_Aint>(bytes), 1, info, handle, &base, &window);
  MPI_Info_free(&info);
  int all_have_it = code == MPI_SUCCESS;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &all_have_it, 1, MPI_INT, MPI_MIN, handle), "opening a window", trace->name());
  if (all_have_it == 0) {
    if (code == MPI_SUCCESS) MPI_Win_free(&window);
    return nullptr;
  }
  std::unique_ptr<SharedChannel> channel(new SharedChannel(std::move(context), std::move(trace), window, rank, size));
  channel->piece_bytes_ = piece;
  check_mpi(MPI_Barrier(handle), "opening a window", channel->trace_->name());
  return channel;
}

SharedChannel::SharedChannel(std::shared_ptr<MpiContext> context, std::shared_ptr<GroupTrace> trace, MPI_Win window,
                             int rank, int size)
    : context_(std::move(context)), trace_(std::move(trace)), window_(window), rank_(rank), size_(size) {
  for (int owner = 0; owner < size_; ++owner) {
    MPI_Aint bytes = 0;
    int unit = 0;
    void* base = nullptr;
    check_mpi(MPI_Win_shared_query(window_, owner, &bytes, &unit, &base), "opening a window", trace_->name());
    const auto address = reinterpret_cast<std::uintptr_t>(base);
    char* segment = static_cast<char*>(base) + (divide_up(address, kLine) * kLine - address);
    progressed_.push_back(reinterpret_cast<Progressed*>(segment));
    segments_.push_back(segment + sizeof(Progressed));
  }
  new (progressed_[static_cast<std::size_t>(rank_)]) Progressed;
  context_->progress.add(this);
}

SharedChannel::~SharedChannel() { context_->progress.remove(this); }

void SharedChannel::close() {
  barrier().wait();
  context_->progress.remove(this);
  check_mpi(MPI_Win_free(&window_), "closing the window", trace_->name());
}

void SharedChannel::abandon() noexcept {
  const std::lock_guard lock(context_->progress.mutex());
  tasks_.clear();
}

Request SharedChannel::all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) {
  auto task = std::make_shared<SharedTask>();
  task->send = static_cast<const char*>(data);
  task->receive = static_cast<char*>(data);
  task->count = count;
  task->type = type;
  task->op = op;
  task->reduces = true;
  task->gathers = true;
  return start(std::move(task), Operation::kAllReduce);
}

Request SharedChannel::reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op) {
  auto task = std::make_shared<SharedTask>();
  task->send = static_cast<const char*>(send);
  task->receive = static_cast<char*>(receive);
  task->count = count;
  task->type = type;
  task->op = op;
  task->reduces = true;
  return start(std::move(task), Operation::kReduceScatter);
}

Request SharedChannel::all_gather(const void* send, void* receive, std::size_t count, DataType type) {
  auto task = std::make_shared<SharedTask>();
  task->send = static_cast<const char*>(send);
  task->receive = static_cast<char*>(receive);
  task->count = count;
  task->type = type;
  task->gathers = true;
  return start(std::move(task), Operation::kAllGather);
}

Request SharedChannel::barrier() {
  auto task = std::make_shared<SharedTask>();
  task->reduces = true;  // a reduction of 0 elements: complete when every rank has started it
  return start(std::move(task), Operation::kBarrier);
}

Request SharedChannel::start(std::shared_ptr<SharedTask> task, Operation operation) {
  const std::lock_guard lock(context_->progress.mutex());
  const std::uint64_t number = trace_->start(operation);
  task->bytes = size_of(task->type);
  task->ranks = static_cast<std::size_t>(size_);
  const std::size_t per_rank = task->rows() ? task->count : divide_up(task->count, task->ranks);
  task->chunks = std::max<std::size_t>(1, divide_up(per_rank * task->bytes, piece_bytes_));
  const std::size_t line = kLine / task->bytes;
  task->piece = divide_up(divide_up(per_rank, task->chunks), line) * line;
  task->first = sequence_;
  sequence_ += task->chunks;
  tasks_.push_back(task);
  advance();
  if (!broken_.empty()) throw base::Error(broken_);
  if (task->done.load(std::memory_order_relaxed)) return {};
  return Request(std::make_unique<State>(*this, std::move(task), operation, number));
}

void SharedChannel::advance() {
  while (!tasks_.empty()) {
    SharedTask& task = *tasks_.front();
    while (broken_.empty() && step(task)) {
    }
    if (!broken_.empty() || task.copied_out < task.chunks) return;
    task.done.store(true, std::memory_order_release);
    tasks_.pop_front();
  }
}

bool SharedChannel::everyone(std::atomic<std::uint64_t> Progressed::*counter, std::uint64_t value) const {
  return std::all_of(progressed_.begin(), progressed_.end(), [&](const Progressed* progressed) {
    return (progressed->*counter).load(std::memory_order_acquire) >= value;
  });
}

bool SharedChannel::same_task(const SharedTask& task) {
  if (task.copied_out > 0) return true;  // its first chunk was compared
  for (int other = 0; other < size_; ++other) {
    const auto& theirs = progressed_[static_cast<std::size_t>(other)]->signature[task.first % kSignatures];
    if (theirs.load(std::memory_order_relaxed) == task.signature()) continue;
    broken_ = base::str("ranks of group ", trace_->name(), " call different operations, or the same on ",
                        "different counts or types: rank ", trace_->ranks()[static_cast<std::size_t>(rank_)], " is in ",
                        name_of(trace_->last_collective()), " #", trace_->collectives_started(), ", rank ",
                        trace_->ranks()[static_cast<std::size_t>(other)], " is not");
    return false;
  }
  return true;
}

bool SharedChannel::step(SharedTask& task) {
  Progressed& mine = *progressed_[static_cast<std::size_t>(rank_)];
  bool moved = false;
  if (task.copied_in < task.chunks) {
    // This buffer was last used two chunks ago; every rank must have reduced that chunk.
    const std::uint64_t sequence = task.first + task.copied_in;
    if (sequence < kBuffers || everyone(&Progressed::reduced, sequence + 1 - kBuffers)) {
      mine.signature[sequence % kSignatures].store(task.signature(), std::memory_order_relaxed);
      if (task.reduces) copy_in(task, task.copied_in);
      ++task.copied_in;
      mine.copied_in.store(sequence + 1, std::memory_order_release);
      moved = true;
    }
  }
  if (task.reduced < task.copied_in) {
    const std::uint64_t sequence = task.first + task.reduced;
    const bool inputs_here = !task.reduces || everyone(&Progressed::copied_in, sequence + 1);
    const bool buffer_free =
        !task.gathers || sequence < kBuffers || everyone(&Progressed::copied_out, sequence + 1 - kBuffers);
    if (inputs_here && buffer_free) {
      if (task.reduces && !same_task(task)) return false;
      reduce_own(task, task.reduced);
      ++task.reduced;
      mine.reduced.store(sequence + 1, std::memory_order_release);
      moved = true;
    }
  }
  if (task.copied_out < task.reduced) {
    const std::uint64_t sequence = task.first + task.copied_out;
    if (!task.gathers || everyone(&Progressed::reduced, sequence + 1)) {
      if (task.gathers && !same_task(task)) return false;
      if (task.gathers) copy_out(task, task.copied_out);
      ++task.copied_out;
      mine.copied_out.store(sequence + 1, std::memory_order_release);
      moved = true;
    }
  }
  return moved;
}

void SharedChannel::copy_in(const SharedTask& task, std::uint64_t chunk) {
  for (int reducer = 0; reducer < size_; ++reducer) {
    const std::size_t length = task.length(static_cast<std::size_t>(reducer), chunk);
    if (reducer == rank_ || length == 0) continue;
    std::memcpy(slot(rank_, task.first + chunk, reducer), task.input(static_cast<std::size_t>(reducer), chunk),
                length * task.bytes);
  }
}

void SharedChannel::reduce_own(const SharedTask& task, std::uint64_t chunk) {
  const auto me = static_cast<std::size_t>(rank_);
  const std::size_t length = task.length(me, chunk);
  if (length == 0) return;
  const std::uint64_t sequence = task.first + chunk;
  char* const output = task.output(me, chunk);
  if (task.reduces) {
    std::vector<const void*> inputs;
    for (int owner = 0; owner < size_; ++owner) {
      inputs.push_back(owner == rank_ ? task.input(me, chunk) : slot(owner, sequence, rank_));
    }
    reduce(output, inputs.data(), size_, length, task.type, task.op);
  } else if (output != task.input(me, chunk)) {
    std::memcpy(output, task.input(me, chunk), length * task.bytes);
  }
  if (task.gathers) std::memcpy(slot(rank_, sequence, size_), output, length * task.bytes);
}

void SharedChannel::copy_out(const SharedTask& task, std::uint64_t chunk) {
  for (int owner = 0; owner < size_; ++owner) {
    const std::size_t length = task.length(static_cast<std::size_t>(owner), chunk);
    if (owner == rank_ || length == 0) continue;
    std::memcpy(task.output(static_cast<std::size_t>(owner), chunk), slot(owner, task.first + chunk, size_),
                length * task.bytes);
  }
}

char* SharedChannel::slot(int owner, std::uint64_t sequence, int reducer) const {
  const std::size_t pieces = static_cast<std::size_t>(size_) + 1;
  const std::size_t index = (sequence % kBuffers) * pieces + static_cast<std::size_t>(reducer);
  return segments_[static_cast<std::size_t>(owner)] + index * piece_bytes_;
}

}  // namespace trireme::collectives
