#include "io/checkpoint/run/trial_save.hpp"

#include <vector>

#include "base/error.hpp"
#include "io/checkpoint/ranks/together.hpp"
#include "io/checkpoint/save/writer.hpp"
#include "io/checkpoint/tools/verify.hpp"

namespace trireme::checkpoint {
namespace {

std::string save_and_read_back(Coordinator& coordinator, base::FileSystem& files, const std::filesystem::path& where) {
  const std::vector<float> value(1, 1.0F);
  const std::string name = base::str("node_", coordinator.node());
  const std::vector<StoredBox> boxes = {{kParam, name, {1}, DataType::kFloat32, topology::whole({1}), value.data()}};
  SaveInfo info;
  info.directory = where;
  info.shards_per_node = 1;
  info.token = "preflight";
  info.latest = false;
  const SaveResult saved = Writer(coordinator, files).save(info, boxes);
  if (!saved.ok) return saved.error;
  return on_rank_0(coordinator, [&] {
    const VerifyResult read = verify(files, saved.path, ShardCheck::kBytes, 1);
    if (!read.findings.empty()) {
      throw base::Error(base::str("what was written to ", saved.path.string(), " reads back differently: ",
                                  read.findings[0].subject, ": ", read.findings[0].problem));
    }
  });
}

}  // namespace

std::string try_to_save(Coordinator& coordinator, base::FileSystem& files, const std::filesystem::path& run_directory) {
  const std::filesystem::path where = run_directory / kTrialSaveName;
  const auto clear = [&] { return on_rank_0(coordinator, [&] { files.remove_all(where); }); };
  std::string failure = clear();
  if (failure.empty()) failure = save_and_read_back(coordinator, files, where);
  const std::string left = clear();
  return failure.empty() ? left : failure;
}

}  // namespace trireme::checkpoint
