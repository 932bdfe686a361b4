#include "collectives/mpi/communicator.hpp"

#include <algorithm>
#include <cstring>
#include <exception>

#include "base/error.hpp"
#include "base/log.hpp"
#include "collectives/mpi/requests.hpp"
#include "collectives/mpi/shared_channel.hpp"

namespace trireme::collectives {

namespace {

std::vector<int> world_ranks(MPI_Comm handle, int size, const std::string& name) {
  MPI_Group group = MPI_GROUP_NULL;
  MPI_Group world = MPI_GROUP_NULL;
  check_mpi(MPI_Comm_group(handle, &group), "naming the ranks", name);
  check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &world), "naming the ranks", name);
  std::vector<int> local(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) local[static_cast<std::size_t>(i)] = i;
  std::vector<int> ranks(local.size());
  const int code = MPI_Group_translate_ranks(group, size, local.data(), world, ranks.data());
  MPI_Group_free(&group);
  MPI_Group_free(&world);
  check_mpi(code, "naming the ranks", name);
  return ranks;
}

/// Calls piece(first, length) for consecutive pieces of at most `limit` elements.
template <typename Piece>
void in_pieces(std::size_t count, std::size_t limit, Piece piece) {
  for (std::size_t first = 0; first < count; first += limit) piece(first, std::min(limit, count - first));
}

const char* at(const void* data, std::size_t index, std::size_t element_size) {
  return static_cast<const char*>(data) + index * element_size;
}

char* at(void* data, std::size_t index, std::size_t element_size) {
  return static_cast<char*>(data) + index * element_size;
}

}  // namespace

MpiCommunicator::MpiCommunicator(std::shared_ptr<MpiContext> context, MPI_Comm handle, std::string name,
                                 MpiOptions options)
    : context_(std::move(context)), handle_(handle), name_(std::move(name)), options_(options) {
  check_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "setting the error handler", name_);
  check_mpi(MPI_Comm_rank(handle_, &rank_), "asking the rank", name_);
  check_mpi(MPI_Comm_size(handle_, &size_), "asking the size", name_);
  trace_ = context_->trace.open(name_, world_ranks(handle_, size_, name_));
  if (options_.shared_window && size_ > 1) channel_ = SharedChannel::open(context_, trace_, handle_, rank_, size_);
}

MpiCommunicator::~MpiCommunicator() {
  if (!mpi_is_running()) return;
  if (std::uncaught_exceptions() > 0) {
    if (channel_) channel_->abandon();
    return;
  }
  try {
    finish();
  } catch (const std::exception& error) {
    base::print_failure(base::failure_text(error));
  }
}

void MpiCommunicator::finish() {
  if (handle_ == MPI_COMM_NULL) return;
  if (channel_) channel_->close();
  channel_.reset();
  check_mpi(MPI_Comm_free(&handle_), "closing", name_);
}

void MpiCommunicator::require_rank(int rank, const char* what) const {
  if (rank < 0 || rank >= size_) {
    throw base::Error(base::str(what, " names rank ", rank, " of group ", name_, ", which has ", size_, " ranks"));
  }
}

Request MpiCommunicator::start_all_reduce(void* data, std::size_t count, DataType type, ReduceOp op) {
  if (count == 0 || size_ == 1) return {};
  if (channel_) return channel_->all_reduce(data, count, type, op);
  auto requests = std::make_unique<MpiRequests>(context_, trace_, Operation::kAllReduce, -1);
  in_pieces(count, options_.max_count, [&](std::size_t first, std::size_t length) {
    requests->check(MPI_Iallreduce(MPI_IN_PLACE, at(data, first, size_of(type)), static_cast<int>(length),
                                   context_->type_of(type), context_->op_of(type, op), handle_, requests->next()));
  });
  return Request(std::move(requests));
}

Request MpiCommunicator::start_reduce_scatter(const void* send, void* receive, std::size_t count, DataType type,
                                              ReduceOp op) {
  if (count == 0) return {};
  const std::size_t bytes = size_of(type);
  const bool in_place = receive == at(send, static_cast<std::size_t>(rank_) * count, bytes);
  if (size_ == 1) {
    if (!in_place) std::memcpy(receive, send, count * bytes);
    return {};
  }
  if (channel_) return channel_->reduce_scatter(send, receive, count, type, op);
  auto requests = std::make_unique<MpiRequests>(context_, trace_, Operation::kReduceScatter, -1);
  const MPI_Datatype mpi_type = context_->type_of(type);
  const MPI_Op mpi_op = context_->op_of(type, op);
  if (!in_place && count * static_cast<std::size_t>(size_) <= options_.max_count) {
    requests->check(
        MPI_Ireduce_scatter_block(send, receive, static_cast<int>(count), mpi_type, mpi_op, handle_, requests->next()));
    return Request(std::move(requests));
  }
  // MPI's reduce-scatter takes neither pieces that lie apart nor in-place pieces, so each piece is reduced to its rank.
  for (int root = 0; root < size_; ++root) {
    in_pieces(count, options_.max_count, [&](std::size_t first, std::size_t length) {
      const void* piece = at(send, static_cast<std::size_t>(root) * count + first, bytes);
      if (root == rank_ && in_place) piece = MPI_IN_PLACE;
      requests->check(MPI_Ireduce(piece, at(receive, first, bytes), static_cast<int>(length), mpi_type, mpi_op, root,
                                  handle_, requests->next()));
    });
  }
  return Request(std::move(requests));
}

Request MpiCommunicator::start_all_gather(const void* send, void* receive, std::size_t count, DataType type) {
  if (count == 0) return {};
  const std::size_t bytes = size_of(type);
  const bool in_place = send == at(receive, static_cast<std::size_t>(rank_) * count, bytes);
  if (size_ == 1) {
    if (!in_place) std::memcpy(receive, send, count * bytes);
    return {};
  }
  if (channel_) return channel_->all_gather(send, receive, count, type);
  auto requests = std::make_unique<MpiRequests>(context_, trace_, Operation::kAllGather, -1);
  const MPI_Datatype mpi_type = context_->type_of(type);
  in_pieces(count, options_.max_count, [&](std::size_t first, std::size_t length) {
    const MPI_Datatype row = requests->strided(mpi_type, bytes, length, count);
    requests->check(MPI_Iallgather(in_place ? MPI_IN_PLACE : at(send, first, bytes), static_cast<int>(length), mpi_type,
                                   at(receive, first, bytes), 1, row, handle_, requests->next()));
  });
  return Request(std::move(requests));
}

Request MpiCommunicator::start_broadcast(void* data, std::size_t count, DataType type, int root) {
  require_rank(root, "broadcast");
  if (count == 0 || size_ == 1) return {};
  auto requests = std::make_unique<MpiRequests>(context_, trace_, Operation::kBroadcast, -1);
  in_pieces(count, options_.max_count, [&](std::size_t first, std::size_t length) {
    requests->check(MPI_Ibcast(at(data, first, size_of(type)), static_cast<int>(length), context_->type_of(type), root,
                               handle_, requests->next()));
  });
  return Request(std::move(requests));
}

Request MpiCommunicator::start_all_to_all(const void* send, void* receive, std::size_t count, DataType type) {
  if (count == 0) return {};
  const std::size_t bytes = size_of(type);
  if (size_ == 1) {
    std::memcpy(receive, send, count * bytes);
    return {};
  }
  auto requests = std::make_unique<MpiRequests>(context_, trace_, Operation::kAllToAll, -1);
  in_pieces(count, options_.max_count, [&](std::size_t first, std::size_t length) {
    const MPI_Datatype row = requests->strided(context_->type_of(type), bytes, length, count);
    requests->check(
        MPI_Ialltoall(at(send, first, bytes), 1, row, at(receive, first, bytes), 1, row, handle_, requests->next()));
  });
  return Request(std::move(requests));
}

Request MpiCommunicator::start_exchange(const std::vector<Transfer>& transfers) {
  for (const Transfer& transfer : transfers) require_rank(transfer.peer, "exchange");
  if (transfers.empty()) return {};
  auto requests = std::make_unique<MpiRequests>(context_, trace_, Operation::kExchange, transfers.front().peer);
  // Receives are posted first, so that each send finds its receive. Pieces of one transfer arrive in order, since they
  // have the same peer and tag.
  for (const auto direction : {Transfer::Direction::kReceive, Transfer::Direction::kSend}) {
    for (const Transfer& transfer : transfers) {
      if (transfer.direction != direction) continue;
      in_pieces(transfer.count, options_.max_count, [&](std::size_t first, std::size_t length) {
        const MPI_Datatype type = context_->type_of(transfer.type);
        char* data = at(transfer.data, first, size_of(transfer.type));
        const int count = static_cast<int>(length);
        requests->check(direction == Transfer::Direction::kReceive
                            ? MPI_Irecv(data, count, type, transfer.peer, transfer.tag, handle_, requests->next())
                            : MPI_Isend(data, count, type, transfer.peer, transfer.tag, handle_, requests->next()));
      });
    }
  }
  return Request(std::move(requests));
}

void MpiCommunicator::barrier() {
  if (size_ == 1) return;
  if (channel_) {
    channel_->barrier().wait();
    return;
  }
  MpiRequests requests(context_, trace_, Operation::kBarrier, -1);
  requests.check(MPI_Ibarrier(handle_, requests.next()));
  requests.wait();
}

std::unique_ptr<Communicator> MpiCommunicator::split(int color, int key, const std::string& name) {
  const std::uint64_t number = trace_->start(Operation::kSplit);
  trace_->begin_wait(Operation::kSplit, number, -1);
  MPI_Comm child = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(handle_, color < 0 ? MPI_UNDEFINED : color, key, &child), "split", name_);
  trace_->end_wait();
  if (child == MPI_COMM_NULL) return nullptr;
  return std::make_unique<MpiCommunicator>(context_, child, name, options_);
}

}  // namespace trireme::collectives
