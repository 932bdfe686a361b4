#include "launcher/checkpoint_bridge.hpp"

#include <ATen/ops/empty.h>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using pipeline::StateKind;
using pipeline::StateTensor;

checkpoint::Kind kind_of(StateKind kind) {
  switch (kind) {
    case StateKind::kParam: return checkpoint::Kind::kParam;
    case StateKind::kAdamM: return checkpoint::Kind::kAdamM;
    case StateKind::kAdamV: return checkpoint::Kind::kAdamV;
    case StateKind::kGrad: return checkpoint::Kind::kGrad;
  }
  throw base::Error("a state tensor of unknown kind");
}

checkpoint::DataType type_of(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kFloat) return checkpoint::DataType::kFloat32;
  if (tensor.scalar_type() == at::kDouble) return checkpoint::DataType::kFloat64;
  throw base::Error(base::str("state in ", c10::toString(tensor.scalar_type()), " has no place in a checkpoint"));
}

}  // namespace

checkpoint::SaveResult save_state(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                  const checkpoint::SaveInfo& info, const std::vector<StateTensor>& state) {
  std::vector<at::Tensor> host;  // keeps copies of device tensors alive until they are written
  std::vector<checkpoint::StoredBox> boxes;
  for (const StateTensor& tensor : state) {
    if (!tensor.stored) continue;
    host.push_back(tensor.data.device().is_cpu() ? tensor.data : tensor.data.cpu());
    boxes.push_back({kind_of(tensor.kind), tensor.name, tensor.shape, type_of(tensor.data), tensor.box,
                     host.back().const_data_ptr()});
  }
  return checkpoint::Writer(coordinator, files).save(info, boxes);
}

checkpoint::LoadResult load_state(checkpoint::Reader& reader, pipeline::Trainer& trainer, bool weights_only,
                                  const std::vector<std::string>& allow) {
  std::vector<StateTensor> state = trainer.state();
  std::vector<at::Tensor> host;
  std::vector<checkpoint::WantedBox> wanted;
  for (StateTensor& tensor : state) {
    if (weights_only && tensor.kind != StateKind::kParam) continue;
    if (tensor.data.device().is_cpu() || !allow.empty()) {
      host.push_back(tensor.data.cpu());  // what the checkpoint does not have keeps its values
    } else {
      host.push_back(at::empty(tensor.data.sizes(), tensor.data.scalar_type()));
    }
    wanted.push_back({kind_of(tensor.kind), tensor.name, tensor.shape, type_of(tensor.data), tensor.box,
                      host.back().mutable_data_ptr()});
  }
  checkpoint::LoadOptions options;
  options.allow = allow;
  if (weights_only) options.kinds = {checkpoint::Kind::kParam};
  const checkpoint::LoadResult result = reader.load(wanted, options);
  std::size_t next = 0;
  for (StateTensor& tensor : state) {
    if (weights_only && tensor.kind != StateKind::kParam) continue;
    const at::Tensor& filled = host[next++];
    if (!tensor.data.device().is_cpu()) tensor.data.copy_(filled);
  }
  trainer.after_load();
  return result;
}

checkpoint::LoadResult load_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                    pipeline::Trainer& trainer, const std::filesystem::path& step_directory,
                                    const std::vector<std::string>& allow) {
  const auto reader = checkpoint::Reader::open(coordinator, files, step_directory);
  return load_state(*reader, trainer, true, allow);
}

}  // namespace trireme::launcher
