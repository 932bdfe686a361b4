// LATEST, VERIFIED and the lease are hints: whatever they hold or are, a resume takes the newest checkpoint, saves go
// on, nothing is pruned that must stay, and there is never more than one holder of the lease.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "base/error.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/prune.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "io/checkpoint/run/verified.hpp"
#include "io/lease/lease.hpp"
#include "tests/io/checkpoint/damage_run.hpp"

namespace trireme::checkpoint::tests {
namespace {

using Path = std::filesystem::path;
namespace fs = std::filesystem;

struct HintDamage {
  std::string name;
  std::function<void()> apply;
};

void put(const Path& path, const std::string& content) {
  base::PosixFileSystem().open(path, base::OpenMode::kCreate)->pwrite(content.data(), content.size(), 0);
}

void add_kinds(const DamageRun& run, const Path& path, std::vector<HintDamage>& damages) {
  damages.push_back({"missing", [=] { fs::remove(path); }});
  damages.push_back({"directory instead of file", [=] {
                       fs::remove(path);
                       fs::create_directory(path);
                     }});
  for (const Path& target : {run.outside() / "nothing", path, run.outside(), Path("/dev/null")}) {
    damages.push_back({"symbolic link to " + target.string(), [=] {
                         fs::remove(path);
                         fs::create_symlink(target, path);
                       }});
  }
}

/// Every byte of it, many lengths, other contents, other kinds of entries.
std::vector<HintDamage> hint_damages(const DamageRun& run, const Path& path) {
  std::vector<HintDamage> damages;
  const std::string good = base::PosixFileSystem().read_all(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    damages.push_back({base::str("bit flip at ", at), [=] { put(path, flipped); }});
    if (at % 3 == 0) damages.push_back({base::str("truncation to ", at), [=] { put(path, good.substr(0, at)); }});
  }
  const std::string deep(1 << 16, '[');
  const std::vector<std::string> contents = {good + good,
                                             good + "x",
                                             good + std::string(4096, '\0'),
                                             std::string(good.size(), '\0'),
                                             std::string(4096, '\xFF'),
                                             deep,
                                             "step_1\n",
                                             "step_999\n",
                                             "{}\n",
                                             "null\n",
                                             "[1]\n",
                                             "{\"step\":99,\"checksum\":\"0\"}\n",
                                             "{\"step\":2,\"checksum\":\"0\"}\n"};
  for (std::size_t i = 0; i < contents.size(); ++i) {
    damages.push_back({base::str("content ", i), [=, content = contents[i]] { put(path, content); }});
  }
  add_kinds(run, path, damages);
  return damages;
}

/// Every other process is dead and no queue answers; waiting moves the clock.
LeaseWorld dead_world(std::chrono::steady_clock::time_point& clock) {
  return {[&clock] { return clock; },
          [&clock](std::chrono::milliseconds time) {
            clock += time;
            return true;
          },
          [](std::int64_t, const std::string&) { return false; }, [](const std::string&) { return std::nullopt; }};
}

class Hints : public testing::Test {
 protected:
  Path checkpoints() const { return run_.run() / "checkpoints"; }

  std::int64_t resume() {
    SingleProcess coordinator;
    std::int64_t wrong = 0;
    const auto step = restore_newest(coordinator, files_, run_.run(), 2, {}, [&](Reader& reader) {
      wrong = load_sample(reader, coordinator, damage_tensors(), {}, DataType::kFloat64, reader.manifest().step,
                          all_slots());
    });
    EXPECT_EQ(wrong, 0);
    return step.value_or(-1);
  }

  /// A save of another step, with what it warns of.
  SaveResult save(std::int64_t step) {
    SingleProcess coordinator;
    const std::vector<SampleTensor> tensors = {{kParam, "a", {3}, DataType::kFloat32}};
    return save_sample(coordinator, files_, sample_info(run_.run(), step), tensors, {});
  }

  void remove(const Path& path) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }

  void run_cases(const Path& path, const std::function<void(const HintDamage&)>& check) {
    const std::string good = files_.read_all(path);
    const auto damages = hint_damages(run_, path);
    for (const auto& damage : damages) {
      damage.apply();
      EXPECT_EQ(resume(), 2) << damage.name;
      check(damage);
      remove(path);
      put(path, good);
    }
    std::printf("%s: %zu cases, none led a resume astray\n", path.filename().c_str(), damages.size());
  }

  base::PosixFileSystem files_;
  DamageRun run_;
};

TEST_F(Hints, LatestIsNeverRead) {
  const Path latest = checkpoints() / "LATEST";
  run_cases(latest, [&](const HintDamage& damage) {
    const auto saved = save(3);
    EXPECT_TRUE(saved.ok) << damage.name << ": " << saved.error;
    if (saved.warning.empty()) {
      EXPECT_FALSE(fs::is_symlink(latest)) << damage.name;
      EXPECT_EQ(files_.read_all(latest), "step_3\n") << damage.name;
    }
    EXPECT_TRUE(committed_steps(files_, run_.run()) == (std::vector<std::int64_t>{1, 2, 3})) << damage.name;
    remove(checkpoints() / "step_3");
  });
}

TEST_F(Hints, VerifiedCountsNothingThatWasNotVerified) {
  // Step 0 was verified, step 1 was not: no damage may make it so.
  ASSERT_TRUE(save(0).ok);
  append_verified(files_, checkpoints() / "step_0", open_manifest(files_, checkpoints() / "step_0"));
  run_cases(checkpoints() / "VERIFIED", [&](const HintDamage& damage) {
    try {
      for (const auto step : verified_steps(files_, run_.run())) EXPECT_EQ(step, 0) << damage.name;
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("VERIFIED")) << damage.name;
      EXPECT_THROW(prune(files_, run_.run(), {}), base::Error) << damage.name;
      EXPECT_EQ(committed_steps(files_, run_.run()).size(), 3u) << damage.name;
      return;
    }
    try {
      append_verified(files_, run_.newest(), run_.opened().manifest);
      EXPECT_EQ(std::ranges::count(verified_steps(files_, run_.run()), 2), 1)
          << damage.name << ": a verification that was recorded afterwards is lost";
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("VERIFIED")) << damage.name;
    }
  });
}

TEST_F(Hints, TheLeaseHasOneHolderAtMost) {
  const auto holder = [](const std::string& name) {
    LeaseHolder self;
    self.host = name;
    self.machine = name;
    self.process = 77;
    self.started = "5";
    self.token = name;
    return self;
  };
  auto clock = std::chrono::steady_clock::now();
  const LeaseWorld world = dead_world(clock);
  Lease old = Lease::acquire(files_, run_.run(), holder("old"), world, {});
  run_cases(run_.run() / "lease", [&](const HintDamage& damage) {
    const auto start = clock;
    try {
      Lease taken = Lease::acquire(files_, run_.run(), holder("new"), world, {});
      EXPECT_TRUE(taken.holds_lease()) << damage.name;
      EXPECT_FALSE(old.holds_lease()) << damage.name;
    } catch (const base::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr((run_.run() / "lease").string())) << damage.name;
      EXPECT_THAT(error.what(), testing::AnyOf(testing::HasSubstr("remove it"), testing::HasSubstr("move it away")))
          << damage.name;
    }
    EXPECT_LE(clock - start, Lease::kUnchanged + std::chrono::seconds(1)) << damage.name;
  });
}

TEST_F(Hints, ATakeoverFileThatIsNoFileIsNamed) {
  const Path takeover = run_.run() / "lease.takeover";
  put(run_.run() / "lease", "of nobody");
  auto clock = std::chrono::steady_clock::now();
  const LeaseWorld world = dead_world(clock);
  fs::create_symlink(run_.outside() / "nothing", takeover);
  try {
    Lease::acquire(files_, run_.run(), {}, world, {});
    FAIL() << "took it";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(takeover.string()));
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
