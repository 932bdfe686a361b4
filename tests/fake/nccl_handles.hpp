// From handles to the fake NCCL's communicators and back.
#pragma once

#include <nccl.h>

#include <cstdint>

#include "tests/fake/nccl_state.hpp"
#include "tests/fake/state.hpp"

namespace trireme::fake {

inline int id_of(ncclComm_t comm) { return static_cast<int>(reinterpret_cast<std::uintptr_t>(comm)); }
inline ncclComm_t handle_of(int id) { return reinterpret_cast<ncclComm_t>(static_cast<std::uintptr_t>(id)); }

/// The communicator of a handle; null when it does not exist any more, which is reported.
Comm* comm_of(Entry& entry, ncclComm_t handle, const char* what);

/// After its flag was set: what an aborted communicator holds is freed, which waits for the whole device.
ncclResult_t reclaim(Entry& entry, int id);

}  // namespace trireme::fake
