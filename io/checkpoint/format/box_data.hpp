// What callers pass to a save or a load: boxes of logical tensors in host memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/data_type.hpp"
#include "base/slot.hpp"
#include "base/stream_copy.hpp"
#include "collectives/topology/box.hpp"

namespace trireme::checkpoint {

using base::DataType;
using base::kAdamM;
using base::kAdamV;
using base::kGrad;
using base::kParam;
using base::name_of;
using base::size_of;
using topology::Box;
using topology::Shape;

/// Slot and name of a tensor: what identifies it in a checkpoint.
using TensorKey = std::pair<std::string_view, std::string_view>;

/// The order of the tensors in a checkpoint: by slot, kParam first and the others by their bytes, then by name.
struct TensorOrder {
  bool operator()(const TensorKey& a, const TensorKey& b) const;
};

/// "param layers.0.ffn.up.weight", for messages.
std::string label(std::string_view slot, std::string_view tensor);
/// Whether a logical tensor may have this name: 1 to 4096 bytes without '/' and zero bytes, neither "." nor "..", so
/// that the path of its datasets leads where it should.
bool is_tensor_name(std::string_view name);
/// Whether checkpoints hold elements of this type: fp32 and fp64 alone.
bool is_stored_type(DataType type);
/// Whether elements of a checkpoint can be loaded as this type: bf16 too.
bool is_loaded_type(DataType type);

/// A box to be stored. `data` points to box.size elements, dense and row-major, with any alignment, in the memory that
/// the writer's StateMemory knows: the host's unless said otherwise. Boxes of one tensor on different ranks are either
/// equal (replicas, stored once) or disjoint, and together they are the whole tensor. Empty boxes are ignored.
struct StoredBox {
  std::string slot = kParam;  ///< base::is_slot_name()
  std::string tensor;         ///< logical name: is_tensor_name()
  Shape shape;                ///< shape of the logical tensor; at most 8 dims
  DataType dtype = DataType::kFloat32;
  Box box;
  const void* data = nullptr;
};

/// Reads the memory in which stored boxes lie. One thread uses it at a time.
class StateMemory {
 public:
  StateMemory() = default;
  StateMemory(const StateMemory&) = delete;
  StateMemory& operator=(const StateMemory&) = delete;
  virtual ~StateMemory() = default;

  /// Whether StoredBox::data may be read as it is.
  virtual bool on_host() const = 0;
  /// Copies bytes [offset, offset + length) of a box to host memory, which holds them after finish_copies().
  virtual void copy(const StoredBox& box, std::uint64_t offset, std::uint64_t length, std::byte* to) const = 0;
  virtual void finish_copies() const {}
  /// Called by the thread that starts a save: makes sure that the updates which it has issued are done before anything
  /// is copied.
  virtual void order_after_updates() const {}
};

class HostStateMemory final : public StateMemory {
 public:
  bool on_host() const override { return true; }
  void copy(const StoredBox& box, std::uint64_t offset, std::uint64_t length, std::byte* to) const override {
    base::stream_copy(to, static_cast<const std::byte*>(box.data) + offset, length);
  }
};

/// A box to be filled, however the checkpoint divides the tensor. Elements of another dtype are converted: fp32 to fp64
/// exactly, fp64 to fp32 by rounding to nearest, and what is wanted as bf16 by rounding to fp32 and then to bf16, as a
/// bf16 training rounds its masters. Several ranks may want the same elements. Empty boxes are ignored.
struct WantedBox {
  std::string slot = kParam;
  std::string tensor;
  Shape shape;
  DataType dtype = DataType::kFloat32;
  Box box;
  void* data = nullptr;
};

}  // namespace trireme::checkpoint
