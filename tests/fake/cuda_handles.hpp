// From handles to the fake's streams and events, and what several cuda* functions do.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/fake/state.hpp"

namespace trireme::fake {

/// What every call returns when no machine runs.
inline constexpr cudaError_t kGone = cudaErrorCudartUnloading;

template <typename Handle>
Handle handle_of(int id) {
  return reinterpret_cast<Handle>(static_cast<std::uintptr_t>(id));
}

template <typename Handle>
int id_of(Handle handle) {
  return static_cast<int>(reinterpret_cast<std::uintptr_t>(handle));
}

/// The stream of a handle; null when it is none of this machine's, which is reported.
Stream* stream_of(Entry& entry, cudaStream_t handle, const char* what);
/// Waits until all positions are over.
cudaError_t wait_for(Entry& entry, const std::vector<Position>& positions, const std::string& what);
/// Runs up to the end of the stream, as far as it has been issued.
cudaError_t drain(Entry& entry, Stream& stream, const std::string& what);

}  // namespace trireme::fake
