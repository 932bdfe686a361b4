// save_loop RUN_DIR free|asked [NODE_1_DISK]: a training run without the training, under mpirun. Saves known values
// step after step: as fast as it can, or one step for each line of standard input until that ends. The ranks are two
// nodes; the second one's shards lie on NODE_1_DISK when it is given. tests/system/kill_test.py and full_disk_test.py
// read what it prints and judge what it leaves.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "collectives/mpi/world.hpp"
#include "io/checkpoint/run/leftovers.hpp"
#include "io/checkpoint/run/prune.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "io/lease/lease.hpp"
#include "launcher/session/communicator_coordinator.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/system/node_disk.hpp"

namespace {

using namespace trireme;
using namespace trireme::checkpoint;
using Path = std::filesystem::path;

constexpr int kNodes = 2;

std::vector<checkpoint::tests::SampleTensor> tensors() {
  auto all = checkpoint::tests::sample_tensors();
  all.push_back({kParam, "large", {300, 1000}, DataType::kFloat32});  // goes past the page cache
  return all;
}

class Run {
 public:
  Run(collectives::MpiWorld& world, base::FileSystem& files, Path directory)
      : files_(files),
        directory_(std::move(directory)),
        communicator_(world.communicator("checkpoint")),
        coordinator_(*communicator_, world.rank() * kNodes / world.size(), kNodes),
        tensors_(tensors()),
        layout_{1, world.size(), 1, true} {}

  void start() {
    std::printf("rank %d process %d\n", coordinator_.rank(), static_cast<int>(getpid()));
    if (coordinator_.rank() == 0) {
      const auto world = real_world([](const std::string&) { return std::nullopt; }, [] { return false; });
      lease_.emplace(Lease::acquire(files_, directory_, this_process("local", 0), world, {}));
      token_ = lease_->holder().token;
      for (const auto& line : collect_leftovers(files_, directory_)) std::printf("start: %s\n", line.c_str());
    }
    token_ = coordinator_.broadcast(token_);
    const auto restored = restore_newest(coordinator_, files_, directory_, 1, {}, [&](Reader& reader) {
      const auto step = reader.manifest().step;
      if (checkpoint::tests::load_sample(reader, coordinator_, tensors_, layout_, DataType::kFloat32, step) != 0) {
        throw base::Error(base::str("step ", step, " does not have its values"));
      }
    });
    step_ = restored.value_or(0);
    say(base::str("resumed from step ", step_));
  }

  void save() {
    ++step_;
    SaveInfo info = checkpoint::tests::sample_info(directory_, step_);
    info.token = token_;
    info.shards_per_node = step_ % 2 == 0 ? 1 : 8;
    info.holds_lease = [this] { return lease_->holds_lease(); };
    const SaveResult result = checkpoint::tests::save_sample(coordinator_, files_, info, tensors_, layout_);
    if (coordinator_.rank() == 0 && result.ok) keep_house(result.path);
    // Said when the house is kept, too: who reads this may look for what is left.
    say(result.ok ? base::str("saved ", step_) : base::str("not saved ", step_, ": ", result.error));
    if (!result.warning.empty()) say("warning: " + result.warning);
    if (result.lease_lost) throw base::Error(result.error);
  }

  /// Whether another step is asked for, agreed on.
  bool asked() {
    std::string line;
    const bool more = coordinator_.rank() == 0 && std::getline(std::cin, line);
    return coordinator_.broadcast(more ? "x" : "") == "x";
  }

  void end() {
    if (lease_) lease_->release();
  }

 private:
  void keep_house(const Path& saved) {
    try {
      lease_->heartbeat();
      const auto found = verify(files_, saved, ShardCheck::kBytes, 1);
      if (!found.findings.empty()) throw base::Error("read back: " + found.findings[0].problem);
      append_verified(files_, saved, found.manifest);
      prune(files_, directory_, {.keep = 2});
    } catch (const base::IoError& error) {
      say(base::str("warning: ", error.what()));
    }
  }
  void say(const std::string& line) const {
    if (coordinator_.rank() != 0) return;
    std::printf("%s\n", line.c_str());
  }

  base::FileSystem& files_;
  Path directory_;
  std::unique_ptr<collectives::Communicator> communicator_;
  launcher::CommunicatorCoordinator coordinator_;
  std::vector<checkpoint::tests::SampleTensor> tensors_;
  checkpoint::tests::Layout layout_;
  std::string token_;
  std::optional<Lease> lease_;  // on rank 0
  std::int64_t step_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const bool by_request = std::string(argv[2]) == "asked";
  collectives::MpiWorld world;
  return collectives::run_guarded(world, [&] {
    base::PosixFileSystem plain;
    std::optional<trireme::tests::NodeDisk> split;
    if (argc > 3) split.emplace("node_1", argv[3]);
    base::FileSystem& files = split ? static_cast<base::FileSystem&>(*split) : plain;
    Run run(world, files, argv[1]);
    run.start();
    while (!by_request || run.asked()) run.save();
    run.end();
    return 0;
  });
}
