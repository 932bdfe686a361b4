// Faults and losses of power at every call of what surrounds the saves: pruning, the record of verified checkpoints,
// cleaning up, resuming past a damaged checkpoint, the lease.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/leftovers.hpp"
#include "io/checkpoint/run/prune.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "io/lease/lease.hpp"
#include "tests/io/checkpoint/fault_sweep.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using namespace std::chrono_literals;
using Steps = std::vector<std::int64_t>;

const std::filesystem::path kRun = "/run";
const std::filesystem::path kDirectory = kRun / "checkpoints";
const std::vector<SampleTensor> kTensors = {{kParam, "a", {3, 4}, DataType::kFloat32},
                                            {kAdamM, "a", {3, 4}, DataType::kFloat32}};

void save(MemoryFileSystem& files, const Steps& steps) {
  SingleProcess coordinator;
  for (const auto step : steps) {
    ASSERT_TRUE(save_sample(coordinator, files, sample_info(kRun, step), kTensors, {}).ok);
  }
}

/// The step that two ranks resume from, every value checked; -1 when there was nothing.
std::int64_t restore(MemoryFileSystem& files) {
  std::int64_t step = -1;
  const auto body = [&](Coordinator& coordinator) {
    const auto restored = restore_newest(coordinator, files, kRun, 2, {}, [&](Reader& reader) {
      const auto saved = reader.manifest().step;
      EXPECT_EQ(load_sample(reader, coordinator, kTensors, {2, 1, 1, false}, DataType::kFloat32, saved), 0);
    });
    if (coordinator.rank() == 0) step = restored.value_or(-1);
  };
  trireme::tests::run_ranks(2, 1, body, {0, 1});
  return step;
}

void expect_all_whole(MemoryFileSystem& files) {
  for (const auto step : committed_steps(files, kRun)) {
    EXPECT_TRUE(verify(files, step_directory(kRun, step), ShardCheck::kBytes, 1).findings.empty()) << "step " << step;
  }
}

bool contains(const Steps& steps, std::int64_t step) { return std::ranges::count(steps, step) > 0; }

TEST(FaultOfUpkeep, PruningDeletesWholeCheckpointsOrNone) {
  Sweep sweep;
  sweep.name = "prune";
  sweep.prepare = [](MemoryFileSystem& files) { save(files, {1, 2, 3, 4}); };
  sweep.act = [](MemoryFileSystem& files) {
    prune(files, kRun, {.keep = 2});
    return true;
  };
  sweep.check = [](MemoryFileSystem& files, bool good, const NamedFault&) {
    expect_all_whole(files);
    const Steps left = committed_steps(files, kRun);
    EXPECT_TRUE(contains(left, 3) && contains(left, 4));
    if (good) {
      EXPECT_EQ(left, (Steps{3, 4}));
    }
    save(files, {5});
    prune(files, kRun, {.keep = 2});
    EXPECT_EQ(committed_steps(files, kRun), (Steps{4, 5}));
    collect_leftovers(files, kRun);
    EXPECT_EQ(files.list(kDirectory), (std::vector<std::string>{"LATEST", "step_4", "step_5"}));
    EXPECT_EQ(restore(files), 5);
  };
  sweep.least_calls = 20;
  sweep.random_crashes = 4;
  run_sweep(sweep);
}

void record_verified(MemoryFileSystem& files, std::int64_t step) {
  const auto path = step_directory(kRun, step);
  append_verified(files, path, open_manifest(files, path));
}

TEST(FaultOfUpkeep, TheRecordOfVerifiedCheckpointsKeepsItsLines) {
  for (const Steps& before : {Steps{}, Steps{1}}) {
    Sweep sweep;
    sweep.name = base::str("VERIFIED after ", before.size(), " lines");
    sweep.prepare = [&](MemoryFileSystem& files) {
      save(files, {1, 2});
      for (const auto step : before) record_verified(files, step);
    };
    sweep.act = [](MemoryFileSystem& files) {
      record_verified(files, 2);
      return true;
    };
    sweep.check = [&](MemoryFileSystem& files, bool good, const NamedFault&) {
      Steps recorded = verified_steps(files, kRun);
      for (const auto step : before) EXPECT_TRUE(contains(recorded, step)) << "an older line is lost";
      EXPECT_TRUE(!good || contains(recorded, 2)) << "the new line is lost";
      save(files, {3});
      record_verified(files, 3);
      recorded = verified_steps(files, kRun);
      EXPECT_TRUE(contains(recorded, 3)) << "what follows a torn line is lost";
      for (const auto step : before) EXPECT_TRUE(contains(recorded, step));
    };
    sweep.least_calls = 9;
    run_sweep(sweep);
  }
}

TEST(FaultOfUpkeep, CleaningUpNeverDeletesACheckpointThatIsToBePutBack) {
  Sweep sweep;
  sweep.name = "collect leftovers";
  sweep.prepare = [](MemoryFileSystem& files) {
    save(files, {1, 2, 3});
    files.create_directory(kDirectory / ".trash");
    files.rename(kDirectory / "step_3", kDirectory / ".trash" / "step_3.token");
    files.rename(kDirectory / "step_1", kDirectory / ".trash" / "step_1");
    files.rename(kDirectory / "step_2", kDirectory / ".step_9.7.token.partial");
    save(files, {2});
    files.open(kDirectory / "LATEST.9.tmp", base::OpenMode::kCreate);
    files.open(kRun / "lease.9.tmp", base::OpenMode::kCreate);
  };
  sweep.act = [](MemoryFileSystem& files) {
    const auto lines = collect_leftovers(files, kRun);
    return std::ranges::none_of(lines, [](const auto& line) { return line.starts_with("cannot"); });
  };
  sweep.check = [](MemoryFileSystem& files, bool, const NamedFault&) {
    collect_leftovers(files, kRun);
    EXPECT_EQ(files.list(kDirectory), (std::vector<std::string>{"LATEST", "step_2", "step_3"}));
    EXPECT_EQ(files.list(kRun), (std::vector<std::string>{"checkpoints"}));
    expect_all_whole(files);
    EXPECT_EQ(restore(files), 3);
  };
  sweep.least_calls = 30;
  sweep.random_crashes = 4;
  run_sweep(sweep);
}

TEST(FaultOfUpkeep, ResumingPastADamagedCheckpointFindsAnOlderOneOrSaysWhyNot) {
  Sweep sweep;
  sweep.name = "resume past damage";
  sweep.prepare = [](MemoryFileSystem& files) {
    save(files, {1, 2, 3});
    files.bytes(kDirectory / "step_3" / "MANIFEST.json")[20] ^= 1;
  };
  sweep.act = [](MemoryFileSystem& files) {
    const auto step = restore(files);
    EXPECT_TRUE(step == 2 || (step == 1 && files.has_failed())) << "resumed from step " << step;
    return true;
  };
  sweep.check = [](MemoryFileSystem& files, bool, const NamedFault&) {
    MemoryFileSystem copy(files);
    EXPECT_EQ(verify(copy, step_directory(kRun, 1), ShardCheck::kBytes, 1).findings.size(), 0U);
    const auto step = restore(files);
    // An I/O error on reading counts as damage: step 2 may have been set aside, but is never deleted.
    const auto names = files.list(kDirectory);
    const auto there = [&](const char* name) { return std::ranges::count(names, name) > 0; };
    EXPECT_TRUE(step == 2 ? there("step_2") : step == 1 && there(".step_2.bad.2")) << step;
    EXPECT_TRUE(there("step_1") && there(".step_3.bad.2"));
    save(files, {3});
    EXPECT_EQ(restore(files), 3);
  };
  sweep.exact = false;
  sweep.least_calls = 15;
  run_sweep(sweep);
}

/// A clock that only waiting moves, and processes that live by decree, all on one machine.
struct FakeWorld {
  std::chrono::steady_clock::time_point time{};
  std::set<std::int64_t> alive;

  LeaseWorld world() {
    return {[this] { return time; },
            [this](std::chrono::milliseconds waited) {
              time += waited;
              return true;
            },
            [this](std::int64_t process, const std::string&) { return alive.contains(process); },
            [](const std::string&) { return std::nullopt; }};
  }
  Lease acquire(MemoryFileSystem& files, std::int64_t process) {
    alive.insert(process);
    try {
      return Lease::acquire(files, kRun, {"7", 0, "n1", "boot", process, "t", base::str("token-", process)}, world(),
                            {});
    } catch (...) {
      alive.erase(process);  // it says why and ends
      throw;
    }
  }
};

/// Process 11 does `act` with the lease; whatever happens, it alone has the lease if it believes so, and process 12
/// gets it after its death.
void sweep_lease(const std::string& name, std::size_t first_call, bool held_before, bool holds_after,
                 const std::function<void(MemoryFileSystem&, FakeWorld&)>& act) {
  FakeWorld fake;
  Sweep sweep;
  sweep.name = name;
  sweep.first_call = first_call;
  sweep.prepare = [&](MemoryFileSystem& files) {
    if (held_before) fake.acquire(files, 10);
  };
  sweep.act = [&](MemoryFileSystem& files) {
    fake.alive.clear();
    act(files, fake);
    return true;
  };
  sweep.check = [&](MemoryFileSystem& files, bool good, const NamedFault& fault) {
    if (good && holds_after) {
      EXPECT_THROW(fake.acquire(files, 13), base::Error) << "two holders";
      EXPECT_NE(files.read_all(kRun / "lease").find("token-11"), std::string::npos);
    }
    fake.alive.clear();
    const auto start = fake.time;
    Lease next = fake.acquire(files, 12);
    EXPECT_TRUE(next.holds_lease());
    EXPECT_LE(fake.time - start, 2 * Lease::kUnchanged);
    // Who could still write when it gave up leaves nothing to wait for.
    if (!fault.is_crash() && fault.fault.kind == IoFault::Kind::kFails && fault.call != IoCall::kRemove) {
      EXPECT_EQ(fake.time, start) << "the next one has to wait";
    }
    next.release();
    collect_leftovers(files, kRun);
    EXPECT_TRUE(files.list(kRun).empty());
  };
  run_sweep(sweep);
}

std::size_t calls_to_acquire() {
  MemoryFileSystem files;
  FakeWorld().acquire(files, 11);
  return files.calls().size();
}

TEST(FaultOfUpkeep, TheLeaseHasOneHolder) {
  sweep_lease("lease, free", 1, false, true, [](MemoryFileSystem& files, FakeWorld& fake) { fake.acquire(files, 11); });
  sweep_lease("lease, its holder dead", 1, true, true,
              [](MemoryFileSystem& files, FakeWorld& fake) { fake.acquire(files, 11); });
  sweep_lease("lease, sign of life", calls_to_acquire() + 1, false, true, [](MemoryFileSystem& files, FakeWorld& fake) {
    Lease lease = fake.acquire(files, 11);
    fake.time += Lease::kHeartbeat;
    EXPECT_TRUE(lease.heartbeat()) << "an I/O error is no answer";
  });
  sweep_lease("lease, released", calls_to_acquire() + 1, false, false,
              [](MemoryFileSystem& files, FakeWorld& fake) { fake.acquire(files, 11).release(); });
}

}  // namespace
}  // namespace trireme::checkpoint::tests
