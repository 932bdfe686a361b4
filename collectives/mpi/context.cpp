#include "collectives/mpi/context.hpp"

#include <sched.h>

#include <algorithm>

#include "base/error.hpp"
#include "collectives/ops/reduce.hpp"

namespace trireme::collectives {

namespace {

template <ReduceOp kOp>
void reduce_bf16(void* in, void* in_out, int* count, MPI_Datatype*) {
  const void* inputs[] = {in, in_out};
  reduce(in_out, inputs, 2, static_cast<std::size_t>(*count), DataType::kBFloat16, kOp);
}

void pause_processor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void check_mpi(int code, const char* what, const std::string& group) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw base::Error(base::str(what, " of group ", group, " failed: ",
                              std::string(text, static_cast<std::size_t>(length)), " (MPI error ", code, ")"));
}

void Progress::add(ProgressSource* source) {
  const std::lock_guard lock(mutex_);
  sources_.push_back(source);
}

void Progress::remove(ProgressSource* source) {
  const std::lock_guard lock(mutex_);
  std::erase(sources_, source);
}

void Progress::poll() {
  const std::lock_guard lock(mutex_);
  for (ProgressSource* source : sources_) source->advance();
}

void Progress::relax(int tries, bool enters_mpi) const {
  constexpr int kTriesBetweenMpi = 64;
  if (!enters_mpi && tries % kTriesBetweenMpi == 0) {
    int flag = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_SELF, &flag, MPI_STATUS_IGNORE);
  }
  if (tries > spins_) {
    sched_yield();
  } else {
    pause_processor();
  }
}

MpiContext::MpiContext(int spins) : progress(spins) {
  const auto create = [](MPI_User_function* function, MPI_Op* op) {
    check_mpi(MPI_Op_create(function, 1, op), "creating a bf16 operation", "world");
  };
  create(reduce_bf16<ReduceOp::kSum>, &bf16_ops_[0]);
  create(reduce_bf16<ReduceOp::kMin>, &bf16_ops_[1]);
  create(reduce_bf16<ReduceOp::kMax>, &bf16_ops_[2]);
}

MpiContext::~MpiContext() {
  if (!mpi_is_running()) return;
  for (MPI_Op& op : bf16_ops_) {
    if (op != MPI_OP_NULL) MPI_Op_free(&op);
  }
}

MPI_Datatype MpiContext::type_of(DataType type) const {
  switch (type) {
    case DataType::kFloat64: return MPI_DOUBLE;
    case DataType::kFloat32: return MPI_FLOAT;
    case DataType::kBFloat16: return MPI_UINT16_T;
    case DataType::kInt64: return MPI_INT64_T;
    case DataType::kUInt8: return MPI_UINT8_T;
  }
  throw base::Error("unknown data type");
}

MPI_Op MpiContext::op_of(DataType type, ReduceOp op) const {
  const int index = static_cast<int>(op);
  if (type == DataType::kBFloat16) return bf16_ops_[index];
  const MPI_Op builtin[] = {MPI_SUM, MPI_MIN, MPI_MAX};
  return builtin[index];
}

bool mpi_is_running() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized != 0 && finalized == 0;
}

}  // namespace trireme::collectives
