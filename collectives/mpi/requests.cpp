#include "collectives/mpi/requests.hpp"

namespace trireme::collectives {

MpiRequests::MpiRequests(std::shared_ptr<MpiContext> context, std::shared_ptr<GroupTrace> trace, Operation operation,
                         int peer)
    : context_(std::move(context)),
      trace_(std::move(trace)),
      operation_(operation),
      number_(trace_->start(operation)),
      peer_(peer) {}

MpiRequests::~MpiRequests() {
  if (!mpi_is_running()) return;
  for (MPI_Datatype& type : types_) MPI_Type_free(&type);
}

MPI_Request* MpiRequests::next() {
  requests_.push_back(MPI_REQUEST_NULL);
  return &requests_.back();
}

MPI_Datatype MpiRequests::strided(MPI_Datatype type, std::size_t element_size, std::size_t count, std::size_t stride) {
  MPI_Datatype piece = MPI_DATATYPE_NULL;
  check(MPI_Type_contiguous(static_cast<int>(count), type, &piece));
  MPI_Datatype resized = MPI_DATATYPE_NULL;
  const int code = MPI_Type_create_resized(piece, 0, static_cast<MPI_Aint>(stride * element_size), &resized);
  MPI_Type_free(&piece);
  check(code);
  types_.push_back(resized);
  check(MPI_Type_commit(&types_.back()));
  return types_.back();
}

void MpiRequests::check(int code) const { check_mpi(code, name_of(operation_), trace_->name()); }

bool MpiRequests::all_done() {
  int flag = 0;
  check(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &flag, MPI_STATUSES_IGNORE));
  return flag != 0;
}

bool MpiRequests::test() {
  context_->progress.poll();
  return all_done();
}

void MpiRequests::wait() {
  if (all_done()) return;
  trace_->begin_wait(operation_, number_, peer_);
  context_->progress.wait([this] { return all_done(); }, true);
  trace_->end_wait();
}

void MpiRequests::abandon() noexcept {
  for (MPI_Request& request : requests_) {
    if (request != MPI_REQUEST_NULL && operation_ == Operation::kExchange) MPI_Cancel(&request);
  }
}

}  // namespace trireme::collectives
