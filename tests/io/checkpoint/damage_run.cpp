#include "tests/io/checkpoint/damage_run.hpp"

#include <stdexcept>

#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

constexpr Layout kLayout{2, 1, 1, true};

/// `values`: the step whose values are stored.
void save(const std::filesystem::path& run, std::int64_t step, std::int64_t values) {
  const auto tensors = damage_tensors();
  trireme::tests::run_ranks(kLayout.ranks(), 2, [&](Coordinator& coordinator) {
    base::PosixFileSystem files;
    std::vector<BoxMemory> memory;
    for (const auto& [t, box] : boxes_of(tensors, kLayout, coordinator.rank())) {
      memory.push_back(make_memory(tensors[t], box, tensors[t].dtype));
      fill(memory.back(), values);
    }
    std::vector<StoredBox> stored;
    for (auto& m : memory) {
      stored.push_back({m.tensor->slot, m.tensor->name, m.tensor->shape, m.tensor->dtype, m.box, m.data()});
    }
    const auto result = Writer(coordinator, files).save(sample_info(run, step), stored);
    if (!result.ok) throw std::runtime_error(result.error);
  });
}

}  // namespace

std::vector<SampleTensor> damage_tensors() {
  std::vector<SampleTensor> tensors;
  for (const std::string slot : {kParam, kAdamM, kAdamV, kGrad}) {
    tensors.push_back({slot, "a.weight", {6, 8}, DataType::kFloat32});
    tensors.push_back({slot, "b.bias", {9}, DataType::kFloat32});
    tensors.push_back({slot, "c.scale", {}, DataType::kFloat64});
  }
  tensors.push_back({kParam, "d.large", {1, 140000}, DataType::kFloat64});
  return tensors;
}

LoadOptions all_slots() {
  LoadOptions options;
  options.slots = {kParam, kAdamM, kAdamV, kGrad};
  return options;
}

DamageRun::DamageRun() {
  base::PosixFileSystem files;
  for (const Path& path : {run(), directory_.path() / "another", outside()}) files.create_directories(path);
  save(run(), 1, 1);
  save(run(), 2, 2);
  save(directory_.path() / "another", 2, 7);
  std::filesystem::copy(newest(), good(), std::filesystem::copy_options::recursive);
  opened_ = open_checkpoint(files, newest());
  files_[kManifestName] = files.read_all(good() / kManifestName);
  files_[kBoxesName] = files.read_all(good() / kBoxesName);
  for (const auto& shard : opened_.manifest.files) files_[shard.name] = files.read_all(good() / shard.name);
}

void DamageRun::repair(const std::string& file) const {
  const Path aside = run() / "checkpoints" / ".step_2.bad.2";
  if (!file.empty()) {
    if (std::filesystem::exists(aside)) std::filesystem::rename(aside, newest());
    std::filesystem::copy_file(good() / file, newest() / file, std::filesystem::copy_options::overwrite_existing);
    return;
  }
  for (const Path& path : {newest(), aside, outside()}) std::filesystem::remove_all(path);
  std::filesystem::create_directory(outside());
  std::filesystem::copy(good(), newest(), std::filesystem::copy_options::recursive);
}

}  // namespace trireme::checkpoint::tests
