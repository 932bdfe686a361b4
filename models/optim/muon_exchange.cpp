#include "models/optim/muon_exchange.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>

#include "models/parallel/data_type.hpp"

namespace trireme::optim {
namespace {

using collectives::Transfer;

int size_of(const collectives::Communicator* group) { return group == nullptr ? 1 : group->size(); }
int rank_of(const collectives::Communicator* group) { return group == nullptr ? 0 : group->rank(); }

void connect(collectives::Communicator* group) {
  if (group == nullptr) return;
  std::vector<int> peers;
  for (int rank = 0; rank < group->size(); ++rank) {
    if (rank != group->rank()) peers.push_back(rank);
  }
  group->connect(peers);
}

void add(std::vector<Transfer>& transfers, Transfer::Direction direction, const at::Tensor& flat, int peer) {
  if (flat.numel() == 0) return;
  transfers.push_back(
      {direction, flat.mutable_data_ptr(), static_cast<std::size_t>(flat.numel()), parallel::data_type(flat), peer});
}

/// The view of a matrix that a box of it is.
at::Tensor part_of(const at::Tensor& whole, const topology::Box& box) {
  return whole.narrow(0, box.offset[0], box.size[0]).narrow(1, box.offset[1], box.size[1]);
}

/// Hands out parts of a buffer, one after another.
class Cutter {
 public:
  explicit Cutter(at::Tensor buffer) : buffer_(std::move(buffer)) {}
  at::Tensor next(std::int64_t elements) {
    const at::Tensor part = buffer_.narrow(0, used_, elements);
    used_ += elements;
    return part;
  }

 private:
  at::Tensor buffer_;
  std::int64_t used_ = 0;
};

}  // namespace

MuonExchange::MuonExchange(const layout::FlatLayout& layout, MuonPlan plan, const MuonRanks& ranks,
                           const at::TensorOptions& options)
    : layout_(layout), plan_(std::move(plan)), ranks_(ranks), tp_rank_(rank_of(ranks.tp)), dp_rank_(rank_of(ranks.dp)) {
  connect(ranks_.tp);
  connect(ranks_.dp);
  const int tp = size_of(ranks_.tp);
  if (tp == 1) return;
  std::int64_t whole = 0, staged = 0;
  for (const MuonMatrix& matrix : plan_.matrices) {
    if (!mine(matrix)) continue;
    const spec::LogicalTensor& tensor = parameter(matrix).tensor;
    whole += topology::elements_of(tensor.shape);
    for (int rank = 0; rank < tp; ++rank) staged += spec::box_of(tensor, rank, tp).elements();
  }
  wholes_memory_ = at::empty({whole}, options);
  staging_ = at::empty({staged}, options);
}

const layout::FlatParameter& MuonExchange::parameter(const MuonMatrix& matrix) const {
  return layout_.parameters[static_cast<std::size_t>(matrix.parameter)];
}

at::Tensor MuonExchange::slice(const at::Tensor& work, const MuonMatrix& matrix) const {
  const topology::Box& box = parameter(matrix).box;
  return work.narrow(0, matrix.slice, box.elements()).view(box.size);
}

void MuonExchange::collect(const at::Tensor& work) {
  wholes_.clear();
  if (!ranks_.own.empty()) exchange_over_dp(work, false);
  if (size_of(ranks_.tp) > 1) {
    collect_over_tp(work);
    return;
  }
  for (const MuonMatrix& matrix : plan_.matrices) {
    if (mine(matrix)) wholes_.push_back(slice(work, matrix));
  }
}

void MuonExchange::distribute(const at::Tensor& work) {
  if (size_of(ranks_.tp) > 1) distribute_over_tp(work);
  if (!ranks_.own.empty()) {
    exchange_over_dp(work, true);
  } else if (size_of(ranks_.dp) > 1) {
    broadcast_over_dp(work);
  }
}

/// Under ZeRO: sends what each dp rank updates to the matrix's dp owner, or `back`.
void MuonExchange::exchange_over_dp(const at::Tensor& work, bool back) {
  if (size_of(ranks_.dp) == 1) return;
  const auto here = static_cast<std::size_t>(dp_rank_);
  std::vector<Transfer> transfers;
  for (const MuonMatrix& matrix : plan_.matrices) {
    const layout::FlatParameter& held = parameter(matrix);
    // Only one tp rank needs to bring what several hold, but each of them needs the result.
    const layout::FlatRange range = back ? layout::range_of(held) : layout::owned_range(held);
    const auto add_pieces = [&](std::size_t updater, Transfer::Direction direction, int peer) {
      for (const layout::FlatRange& piece : layout::intersect({range}, ranks_.own[updater])) {
        add(transfers, direction, work.narrow(0, matrix.slice + piece.begin - held.flat_offset, piece.size()), peer);
      }
    };
    if (matrix.dp_owner != dp_rank_) {
      add_pieces(here, back ? Transfer::Direction::kReceive : Transfer::Direction::kSend, matrix.dp_owner);
      continue;
    }
    for (std::size_t peer = 0; peer < ranks_.own.size(); ++peer) {
      if (peer == here) continue;
      add_pieces(peer, back ? Transfer::Direction::kSend : Transfer::Direction::kReceive, static_cast<int>(peer));
    }
  }
  ranks_.dp->start_exchange(transfers).wait();
}

void MuonExchange::broadcast_over_dp(const at::Tensor& work) {
  std::vector<collectives::Request> requests;
  for (int root = 0; root < ranks_.dp->size(); ++root) {
    const layout::FlatRange range = plan_.of_dp_rank[static_cast<std::size_t>(root)];
    if (range.size() == 0) continue;
    const at::Tensor part = work.narrow(0, range.begin, range.size());
    requests.push_back(ranks_.dp->start_broadcast(part.mutable_data_ptr(), static_cast<std::size_t>(range.size()),
                                                  parallel::data_type(part), root));
  }
  for (collectives::Request& request : requests) request.wait();
}

void MuonExchange::collect_over_tp(const at::Tensor& work) {
  const int tp = ranks_.tp->size();
  Cutter whole_memory(wholes_memory_), staging(staging_);
  std::vector<Transfer> transfers;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // to, from
  for (const MuonMatrix& matrix : plan_.matrices) {
    if (matrix.dp_owner != dp_rank_) continue;
    const layout::FlatParameter& held = parameter(matrix);
    const layout::FlatRange owned = layout::owned_range(held);
    const at::Tensor own = work.narrow(0, matrix.slice + owned.begin - held.flat_offset, owned.size());
    if (!mine(matrix)) {
      add(transfers, Transfer::Direction::kSend, own, matrix.tp_owner);
      continue;
    }
    const topology::Shape& shape = held.tensor.shape;
    wholes_.push_back(whole_memory.next(topology::elements_of(shape)).view(shape));
    for (int rank = 0; rank < tp; ++rank) {
      const topology::Box box = spec::owned_box(held.tensor, rank, tp);
      if (box.empty()) continue;
      const at::Tensor part = rank == tp_rank_ ? own : staging.next(box.elements());
      if (rank != tp_rank_) add(transfers, Transfer::Direction::kReceive, part, rank);
      copies.emplace_back(part_of(wholes_.back(), box), part.view(box.size));
    }
  }
  ranks_.tp->start_exchange(transfers).wait();
  for (auto& [to, from] : copies) to.copy_(from);
}

void MuonExchange::distribute_over_tp(const at::Tensor& work) {
  const int tp = ranks_.tp->size();
  Cutter staging(staging_);
  std::vector<Transfer> transfers;
  auto whole = wholes_.begin();
  for (const MuonMatrix& matrix : plan_.matrices) {
    if (matrix.dp_owner != dp_rank_) continue;
    if (!mine(matrix)) {
      add(transfers, Transfer::Direction::kReceive, slice(work, matrix), matrix.tp_owner);
      continue;
    }
    for (int rank = 0; rank < tp; ++rank) {
      const topology::Box box = spec::box_of(parameter(matrix).tensor, rank, tp);
      if (box.empty()) continue;
      const at::Tensor part = rank == tp_rank_ ? slice(work, matrix) : staging.next(box.elements()).view(box.size);
      part.copy_(part_of(*whole, box));
      if (rank != tp_rank_) add(transfers, Transfer::Direction::kSend, part, rank);
    }
    ++whole;
  }
  ranks_.tp->start_exchange(transfers).wait();
}

}  // namespace trireme::optim
