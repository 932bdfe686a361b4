// The MPI requests of one operation, collected piece by piece and waited for together.
#pragma once

#include <mpi.h>

#include <memory>
#include <vector>

#include "collectives/mpi/context.hpp"

namespace trireme::collectives {

/// The MPI side of a Request.
class MpiRequests final : public Request::State {
 public:
  MpiRequests(std::shared_ptr<MpiContext> context, std::shared_ptr<GroupTrace> trace, Operation operation, int peer);
  ~MpiRequests() override;

  /// Where the next MPI_I… call of this operation stores its request.
  MPI_Request* next();
  /// The MPI type of `count` elements repeated every `stride` elements: one rank's piece in each longer row. This
  /// object frees it.
  MPI_Datatype strided(MPI_Datatype type, std::size_t element_size, std::size_t count, std::size_t stride);
  /// Throws when `code`, returned by an MPI_I… call, is not success.
  void check(int code) const;

  bool test() override;
  void wait() override;
  void abandon() noexcept override;

 private:
  bool all_done();

  std::shared_ptr<MpiContext> context_;
  std::shared_ptr<GroupTrace> trace_;
  Operation operation_;
  std::uint64_t number_;
  int peer_;
  std::vector<MPI_Request> requests_;
  std::vector<MPI_Datatype> types_;
};

}  // namespace trireme::collectives
