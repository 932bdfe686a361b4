#include "launcher/session/device.hpp"

#include "base/error.hpp"
#include "collectives/mpi/places.hpp"
#include "models/kernels/kernels.hpp"
#include "slurm/job/gpu_request.hpp"

namespace trireme::launcher {
namespace {

using collectives::DataType;
using collectives::ReduceOp;

// Loads the library and returns the number of devices, 0 when there is no library. `reason` says why.
int look_for_devices(std::optional<collectives::CudaLibrary>& library, std::string& reason) {
  const collectives::CudaSearch search = collectives::CudaSearch::run();
  reason = search.reason;
  library = search.library;
  return library ? library->functions().device_count() : 0;
}

}  // namespace

Device::Device(collectives::MpiWorld& world, const std::string& wanted, const base::Log& log) {
  std::string reason;
  std::int64_t visible = 0;
  if (wanted != "cpu") {
    world.together([&] {
      const auto refusal = slurm::gpu_request_refusal(slurm::environment_variable, world.local_size());
      if (refusal) throw base::InputError(*refusal);
      visible = look_for_devices(library_, reason);
    });
    std::int64_t everywhere = visible;
    world.control().all_reduce(&everywhere, 1, DataType::kInt64, ReduceOp::kMin);
    world.together([&] {
      if (everywhere == 0 && wanted == "cuda") {
        throw base::InputError(base::str("train.device = cuda, but on host ", world.host(), " ",
                                         visible > 0 ? "a GPU is visible and on another host none is" : reason,
                                         "; use auto or cpu, or ask the queue for GPUs"));
      }
      if (everywhere > 0) {
        index_ = topology::choose_device(world.local_rank(), world.local_size(), static_cast<int>(visible));
        if (const auto refusal = collectives::refusal_of(functions().device(index()))) {
          throw base::InputError(base::str("host ", world.host(), ": ", *refusal));
        }
      }
    });
  }
  if (!cuda()) {
    std::int64_t everywhere = __builtin_cpu_supports("avx512bf16") ? 1 : 0;
    world.control().all_reduce(&everywhere, 1, DataType::kInt64, ReduceOp::kMin);
    multiplies_bf16_ = everywhere != 0;
  }
  const std::string uuid = cuda() ? functions().device(index()).uuid : "";
  const auto places = collectives::gather_places(world, uuid);
  world.together([&] {
    if (const auto refusal = topology::duplicate_devices(places)) throw base::InputError(*refusal);
  });
  if (const auto crowded = topology::crowded_cpus(places)) log.warn(crowded->substr(0, crowded->find('\n')));
  if (cuda()) {
    functions().set_device(index());
    const auto entry = reinterpret_cast<kernels::CudaTableEntry>(library_->symbol("trireme_cuda_kernels"));
    if (entry == nullptr) throw base::Error("libtrireme_cuda.so has no kernels: it is of another build");
    kernels::set_cuda_table(entry());
    watch_ = GpuWatch::begin(uuid);
  }
}

}  // namespace trireme::launcher
