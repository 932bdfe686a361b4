#include "collectives/mpi/world.hpp"

#include <mpi.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>

#include "base/error.hpp"
#include "collectives/mpi/communicator.hpp"
#include "collectives/mpi/launch.hpp"
#include "collectives/mpi/world_state.hpp"
#include "collectives/ops/text.hpp"

namespace trireme::collectives {

namespace {

/// The number in an environment variable; 0 when there is none.
int number_from(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

Launch own_launch() {
  return how_started([](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

[[noreturn]] void refuse_unwired() {
  throw base::InputError(base::str("srun started ", number_from("SLURM_STEP_NUM_TASKS"),
                                   " tasks that do not know each other: start with mpirun, or with srun --mpi=pmix"));
}

/// Sets what Open MPI must find in the environment before MPI_Init.
void prepare_environment(Launch launch) {
#ifdef OPEN_MPI
  if (launch == Launch::kUnwired) refuse_unwired();  // MPI_Init would end the process with a page of text
#endif
  // Inside a Slurm step Open MPI takes this process for one of srun's tasks and asks for PMI. The PMIx server would
  // refuse a second program in the same shell, since it has seen the first one leave.
  if (launch == Launch::kAloneInStep) {
    for (const char* variable : {"SLURM_STEP_ID", "PMIX_NAMESPACE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "PMI_FD"}) {
      unsetenv(variable);
    }
  }
  // For a process alone Open MPI would start a daemon that only a growing world needs; ours never grows.
  const bool alone = launch == Launch::kAlone || launch == Launch::kAloneInStep;
  if (alone) setenv("OMPI_MCA_ess_singleton_isolated", "1", 0);
  // On one node no network is needed, and searching for one takes 0.2 s.
  const int ranks = number_from("OMPI_COMM_WORLD_SIZE");
  if (alone || (ranks > 0 && ranks == number_from("OMPI_COMM_WORLD_LOCAL_SIZE"))) setenv("OMPI_MCA_pml", "ob1", 0);
  // With more ranks than processors, a waiting rank must not take processor time from a working one.
  if (number_from("OMPI_COMM_WORLD_LOCAL_SIZE") > sysconf(_SC_NPROCESSORS_ONLN)) {
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  }
  // Batch scripts name a directory of their job for shared memory; inside a container it may not exist.
  constexpr const char* kMemory = "OMPI_MCA_btl_vader_backing_directory";
  const char* memory = std::getenv(kMemory);
  if (memory != nullptr && access(memory, W_OK) != 0) unsetenv(kMemory);
}

MPI_Comm duplicate_world(const char* name) {
  MPI_Comm handle = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &handle), "duplicating the world", name);
  return handle;
}

void find_neighbours(int& local_rank, int& local_size) {
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node), "finding neighbours",
            "world");
  MPI_Comm_rank(node, &local_rank);
  MPI_Comm_size(node, &local_size);
  MPI_Comm_free(&node);
}

}  // namespace

MpiWorld::MpiWorld() : state_(std::make_unique<State>()) {
  const Launch launch = own_launch();
  prepare_environment(launch);
  int granted = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &granted) != MPI_SUCCESS) {
    throw base::Error("MPI_Init_thread failed; check that mpirun and the MPI library are of the same installation");
  }
  if (granted < MPI_THREAD_MULTIPLE) {
    MPI_Finalize();
    throw base::Error(
        "this MPI library does not grant MPI_THREAD_MULTIPLE; use one that was built with it (Open MPI's default)");
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  State& state = *state_;
  MPI_Comm_rank(MPI_COMM_WORLD, &state.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &state.size);
  if (state.size == 1 && launch == Launch::kUnwired) {
    MPI_Finalize();
    refuse_unwired();
  }
  char host[MPI_MAX_PROCESSOR_NAME];
  int length = 0;
  MPI_Get_processor_name(host, &length);
  state.host.assign(host, static_cast<std::size_t>(length));
  find_neighbours(state.local_rank, state.local_size);
  constexpr int kSpins = 4000;  // about 50 us
  const bool processor_each = state.local_size <= sysconf(_SC_NPROCESSORS_ONLN);
  state.context = std::make_shared<MpiContext>(processor_each ? kSpins : 0);
  state.failures = duplicate_world("failures");
  state.control = std::make_unique<MpiCommunicator>(state.context, duplicate_world("control"), "control",
                                                    MpiOptions{.shared_window = false});
}

MpiWorld::~MpiWorld() {
  if (!mpi_is_running() || std::uncaught_exceptions() > 0) return;
  if (!state_->failed) state_->control.reset();
  MPI_Finalize();
}

std::string MpiWorld::library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string whole(text, static_cast<std::size_t>(length));
  return whole.substr(0, whole.find_first_of(",\n"));  // the rest says who built it, where and when
}

bool MpiWorld::under_mpirun() const { return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr; }
int MpiWorld::rank() const { return state_->rank; }
int MpiWorld::size() const { return state_->size; }
const std::string& MpiWorld::host() const { return state_->host; }
int MpiWorld::local_rank() const { return state_->local_rank; }
int MpiWorld::local_size() const { return state_->local_size; }
Communicator& MpiWorld::control() { return *state_->control; }
OperationTrace& MpiWorld::trace() { return state_->context->trace; }

std::unique_ptr<Communicator> MpiWorld::communicator(const std::string& name, const MpiOptions& options) {
  return std::make_unique<MpiCommunicator>(state_->context, duplicate_world(name.c_str()), name, options);
}

int MpiWorld::agree(int status) {
  std::int64_t value = status;
  control().all_reduce(&value, 1, DataType::kInt64, ReduceOp::kMax);
  return static_cast<int>(value);
}

void MpiWorld::together(const std::function<void()>& action) {
  std::int64_t code = 0;
  std::string message;
  try {
    action();
  } catch (const std::exception& error) {
    code = base::exit_code(error);
    message = error.what();
  }
  std::int64_t failed = code != 0 ? 1 : 0;
  std::int64_t first = code != 0 ? rank() : size();
  control().all_reduce(&failed, 1, DataType::kInt64);
  if (failed == 0) return;
  control().all_reduce(&first, 1, DataType::kInt64, ReduceOp::kMin);
  const int root = static_cast<int>(first);
  control().broadcast(&code, 1, DataType::kInt64, root);
  message = share_text(control(), message, root);
  if (failed < size()) message = base::str("[rank ", root, "] ", message);
  base::throw_with_code(static_cast<int>(code), message);
}

}  // namespace trireme::collectives
