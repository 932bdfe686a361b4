#include "launcher/session/checkpoint_bridge.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

#include "base/error.hpp"
#include "launcher/session/pinned_memory.hpp"
#include "models/parallel/data_type.hpp"

namespace trireme::launcher {
namespace {

using pipeline::StateTensor;

base::DataType type_of(const at::Tensor& tensor) {
  const base::DataType type = parallel::data_type(tensor);
  if (checkpoint::is_stored_type(type)) return type;
  throw base::Error(base::str("state in ", name_of(type), " has no place in a checkpoint"));
}

std::vector<StateTensor> parameters_of(std::vector<StateTensor> state) {
  std::erase_if(state, [](const StateTensor& tensor) { return tensor.slot != base::kParam; });
  return state;
}

/// Copies on a stream of its own, while the training's kernels run.
class DeviceStateMemory final : public checkpoint::StateMemory {
 public:
  explicit DeviceStateMemory(at::Device device)
      : device_(device), guard_(device.type()), stream_(guard_.getStreamFromGlobalPool(device)) {}

  bool on_host() const override { return false; }
  void order_after_updates() const override { guard_.synchronizeStream(guard_.getStream(device_)); }
  void copy(const checkpoint::StoredBox& box, std::uint64_t offset, std::uint64_t length,
            std::byte* to) const override {
    const c10::StreamGuard on_own_stream(stream_);
    const auto bytes = static_cast<std::int64_t>(length);
    auto* from = const_cast<std::byte*>(static_cast<const std::byte*>(box.data)) + offset;
    at::from_blob(to, {bytes}, at::TensorOptions(at::kByte))
        .copy_(at::from_blob(from, {bytes}, at::TensorOptions(at::kByte).device(device_)), true);
  }
  void finish_copies() const override { guard_.synchronizeStream(stream_); }

 private:
  at::Device device_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream stream_;
};

}  // namespace

std::vector<checkpoint::StoredBox> stored_boxes(const std::vector<StateTensor>& state) {
  std::vector<checkpoint::StoredBox> boxes;
  for (const StateTensor& tensor : state) {
    if (!tensor.stored) continue;
    boxes.push_back(
        {tensor.slot, tensor.name, tensor.shape, type_of(tensor.data), tensor.box, tensor.data.const_data_ptr()});
  }
  return boxes;
}

std::unique_ptr<checkpoint::StateMemory> state_memory(at::Device device) {
  if (device.is_cpu()) return std::make_unique<checkpoint::HostStateMemory>();
  return std::make_unique<DeviceStateMemory>(device);
}

checkpoint::AllocateHost snapshot_allocator(const Device& device) {
  return device.cuda() ? pinned_allocator(device.functions(), device.index()) : checkpoint::allocate_huge;
}

checkpoint::LoadResult fill_tensors(std::vector<StateTensor> state, bool keep, const FillBoxes& fill) {
  std::vector<at::Tensor> host;
  std::vector<checkpoint::WantedBox> wanted;
  for (const StateTensor& tensor : state) {
    const bool own = tensor.data.device().is_cpu();
    host.push_back(own || keep ? tensor.data.cpu() : at::empty(tensor.data.sizes(), tensor.data.scalar_type()));
    wanted.push_back({tensor.slot, tensor.name, tensor.shape, parallel::data_type(tensor.data), tensor.box,
                      host.back().mutable_data_ptr()});
  }
  const checkpoint::LoadResult result = fill(wanted);
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (!state[i].data.device().is_cpu()) state[i].data.copy_(std::exchange(host[i], {}));
  }
  return result;
}

checkpoint::LoadResult fill_weights(pipeline::Trainer& trainer, bool keep, const FillBoxes& fill) {
  const checkpoint::LoadResult result = fill_tensors(parameters_of(trainer.state()), keep, fill);
  trainer.after_load();
  return result;
}

checkpoint::LoadResult fill_weights(pipeline::Inference& model, const FillBoxes& fill) {
  return fill_tensors(model.state(), false, fill);
}

checkpoint::LoadResult load_state(checkpoint::Reader& reader, pipeline::Trainer& trainer, bool weights_only,
                                  const std::vector<std::string>& allow) {
  checkpoint::LoadOptions options;
  options.allow = allow;
  const FillBoxes fill = [&](std::span<const checkpoint::WantedBox> boxes) { return reader.load(boxes, options); };
  if (weights_only) {
    options.slots = {checkpoint::kParam};
    return fill_weights(trainer, !allow.empty(), fill);
  }
  const checkpoint::LoadResult result = fill_tensors(trainer.state(), !allow.empty(), fill);
  trainer.after_load();
  return result;
}

checkpoint::LoadResult load_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                    pipeline::Trainer& trainer, const std::filesystem::path& step_directory,
                                    const std::vector<std::string>& allow) {
  const auto reader = checkpoint::Reader::open(coordinator, files, step_directory);
  return load_state(*reader, trainer, true, allow);
}

checkpoint::LoadResult load_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                    pipeline::Inference& model, const std::filesystem::path& step_directory) {
  const auto reader = checkpoint::Reader::open(coordinator, files, step_directory);
  checkpoint::LoadOptions options;
  options.slots = {checkpoint::kParam};
  return fill_weights(model,
                      [&](std::span<const checkpoint::WantedBox> boxes) { return reader->load(boxes, options); });
}

}  // namespace trireme::launcher
