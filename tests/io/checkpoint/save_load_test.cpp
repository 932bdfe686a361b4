#include <gtest/gtest.h>

#include <atomic>
#include <limits>

#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/tools/copy.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/node_files.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::run_ranks;
using trireme::tests::TemporaryDirectory;

std::string name_of(const Layout& layout) {
  return base::str("tp", layout.tp, " dp", layout.dp, " pp", layout.pp, layout.zero ? " zero" : "");
}

TEST(SaveLoad, OneRankReadsBackWhatItWrote) {
  TemporaryDirectory directory;
  base::PosixFileSystem files;
  SingleProcess coordinator;
  const auto tensors = sample_tensors();
  const auto result = save_sample(coordinator, files, sample_info(directory.path(), 7), tensors, {});
  ASSERT_TRUE(result.ok) << result.error;
  EXPECT_EQ(result.path, directory.path() / "checkpoints" / "step_7");
  EXPECT_EQ(files.list(directory.path() / "checkpoints"), (std::vector<std::string>{"LATEST", "step_7"}));
  EXPECT_EQ(files.read_all(directory.path() / "checkpoints" / "LATEST"), "step_7\n");

  const auto reader = Reader::open(coordinator, files, result.path);
  EXPECT_EQ(reader->manifest().step, 7);
  EXPECT_EQ(reader->manifest().options, "[run]\nname = sample\n");
  EXPECT_EQ(reader->manifest().cursor.at("consumed_samples"), 56);
  EXPECT_EQ(load_sample(*reader, coordinator, tensors, {}, DataType::kFloat32, 7), 0);
  EXPECT_NE(load_sample(*reader, coordinator, tensors, {}, DataType::kFloat32, 8), 0) << "the check checks nothing";
}

TEST(SaveLoad, EveryLayoutLoadsEveryOther) {
  const std::vector<Layout> layouts = {{1, 1, 1, false}, {2, 1, 1, false}, {1, 2, 1, true},  {1, 1, 2, false},
                                       {2, 2, 1, true},  {4, 1, 2, false}, {1, 3, 1, true},  {2, 2, 2, true},
                                       {3, 1, 2, false}, {1, 8, 1, true},  {1, 4, 1, false}, {2, 3, 1, true}};
  base::PosixFileSystem files;
  const auto tensors = sample_tensors();
  for (const auto& from : layouts) {
    TemporaryDirectory directory;
    SaveInfo info = sample_info(directory.path(), 3);
    info.shards_per_node = 1 + from.ranks() % 3;
    std::filesystem::path path;
    run_ranks(from.ranks(), from.ranks() > 2 ? 2 : 1, [&](Coordinator& coordinator) {
      const auto result = save_sample(coordinator, files, info, tensors, from);
      ASSERT_TRUE(result.ok) << result.error;
      if (coordinator.rank() == 0) path = result.path;
    });
    for (const auto& to : layouts) {
      run_ranks(to.ranks(), 1, [&](Coordinator& coordinator) {
        const auto reader = Reader::open(coordinator, files, path);
        EXPECT_EQ(load_sample(*reader, coordinator, tensors, to, DataType::kFloat32, 3), 0)
            << name_of(from) << " -> " << name_of(to);
      });
    }
  }
}

TEST(SaveLoad, PrecisionIsConverted) {
  base::PosixFileSystem files;
  for (const auto from : {DataType::kFloat32, DataType::kFloat64}) {
    TemporaryDirectory directory;
    const auto tensors = sample_tensors(from);
    run_ranks(2, 1, [&](Coordinator& coordinator) {
      const auto result = save_sample(coordinator, files, sample_info(directory.path(), 1), tensors, {2, 1, 1, false});
      ASSERT_TRUE(result.ok) << result.error;
      const auto reader = Reader::open(coordinator, files, result.path);
      for (const auto to : {DataType::kFloat32, DataType::kFloat64}) {
        EXPECT_EQ(load_sample(*reader, coordinator, tensors, {1, 2, 1, true}, to, 1), 0);
      }
    });
  }
}

TEST(SaveLoad, CarriesHubJsonThroughSaveCopyAndNodeLocalSaves) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  const auto tensors = sample_tensors(DataType::kFloat32);
  const std::string text = "{\"format\": \"trireme-hub\"}\n";
  for (const char* node : {"node0", "node1"}) files.create_directory(directory.path() / node);
  for (const bool node_local : {false, true}) {
    run_ranks(4, node_local ? 2 : 1, [&](Coordinator& coordinator) {
      trireme::tests::NodeFiles mine(files, directory.path() / base::str("node", coordinator.node()));
      auto info = sample_info(directory.path(), node_local ? 2 : 1);
      if (node_local) info.directory = "/local/checkpoints";
      info.node_local = node_local;
      if (coordinator.rank() == 0) info.hub = text;
      const auto result = save_sample(coordinator, mine, info, tensors, {2, 2, 1, false});
      ASSERT_TRUE(result.ok) << result.error;
      const Manifest manifest = open_manifest(mine, result.path);
      EXPECT_EQ(manifest.files.back().name, kHubName);
      EXPECT_EQ(read_hub_file(mine, result.path, manifest), text);
      if (node_local) return;
      const auto reader = Reader::open(coordinator, files, result.path);
      EXPECT_EQ(load_sample(*reader, coordinator, tensors, {1, 2, 2, true}, DataType::kFloat32, 1), 0);
    });
  }
  const auto copied = copy(files, directory.path() / "checkpoints/step_1", directory.path() / "copy", 2, false,
                           [](std::uint64_t) { return true; });
  EXPECT_EQ(read_hub_file(files, copied.path, open_manifest(files, copied.path)), text);
  EXPECT_TRUE(verify(files, copied.path, ShardCheck::kDeep, 2).findings.empty());
}

TEST(SaveLoad, NoBoxMayLieInHubJson) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  run_ranks(1, 1, [&](Coordinator& coordinator) {
    auto info = sample_info(directory.path(), 1);
    info.hub = "{}";
    ASSERT_TRUE(save_sample(coordinator, files, info, sample_tensors(DataType::kFloat32), {1, 1, 1, false}).ok);
  });
  OpenedCheckpoint opened = open_checkpoint(files, directory.path() / "checkpoints/step_1");
  EXPECT_NO_THROW(check_hub_holds_no_box(opened.manifest, opened.table));
  opened.table.boxes.back().file = static_cast<std::uint32_t>(opened.manifest.files.size() - 1);
  EXPECT_THROW(check_hub_holds_no_box(opened.manifest, opened.table), base::Error);
}

TEST(SaveLoad, LargeBoxesAreCutOverTheirHoldersAndReadInSmallRounds) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  // 40 MB: three checksum blocks on one holder, cut in pieces over four.
  const std::vector<SampleTensor> tensors = {{kParam, "big", {2500, 4000}, DataType::kFloat32},
                                             {kParam, "small", {10}, DataType::kFloat32}};
  for (const int dp : {1, 4}) {
    std::atomic<std::uint64_t> bytes_read = 0;
    run_ranks(dp, 1, [&](Coordinator& coordinator) {
      const auto result =
          save_sample(coordinator, files, sample_info(directory.path(), dp), tensors, {1, dp, 1, false});
      ASSERT_TRUE(result.ok) << result.error;
      const auto reader = Reader::open(coordinator, files, result.path);
      EXPECT_EQ(reader->manifest().files.size(), static_cast<std::size_t>(dp));
      std::size_t blocks = 0;
      for (const auto& box : reader->table().boxes) blocks += box.crc32c.size();
      EXPECT_GT(blocks, 3u);

      std::vector<float> memory(std::size_t{2500} * 4000);
      std::vector<float> small(10);
      const std::vector<WantedBox> wanted = {
          {kParam, "big", {2500, 4000}, DataType::kFloat32, topology::whole({2500, 4000}), memory.data()},
          {kParam, "small", {10}, DataType::kFloat32, topology::whole({10}), small.data()}};
      bytes_read = reader->load(wanted, {.round_bytes = 1 << 20}).bytes_read;
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < std::int64_t{2500} * 4000; ++i)
        wrong += memory[i] != static_cast<float>(value_of(tensors[0], i, dp));
      EXPECT_EQ(wrong, 0);
    });
    constexpr std::uint64_t kBlocks = std::uint64_t{2500} * 4000 * 4 + 40;
    EXPECT_GT(bytes_read, kBlocks);
    EXPECT_LT(bytes_read, kBlocks + kBlocks / 20) << "each block is read once per job, and padding is not";
  }
}

TEST(SaveLoad, WeightsAloneAndAllowedTensors) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  SingleProcess coordinator;
  const auto tensors = sample_tensors();
  const auto result = save_sample(coordinator, files, sample_info(directory.path(), 1), tensors, {});
  ASSERT_TRUE(result.ok) << result.error;
  const auto reader = Reader::open(coordinator, files, result.path);

  std::vector<SampleTensor> weights(tensors.begin(), tensors.begin() + 6);
  EXPECT_EQ(load_sample(*reader, coordinator, weights, {}, DataType::kFloat32, 1, {.slots = {kParam}}), 0);
  EXPECT_THROW(load_sample(*reader, coordinator, weights, {}, DataType::kFloat32, 1), base::InputError);

  std::vector<SampleTensor> fewer(weights.begin(), weights.end() - 1);
  EXPECT_THROW(load_sample(*reader, coordinator, fewer, {}, DataType::kFloat32, 1, {.slots = {kParam}}),
               base::InputError);
  EXPECT_EQ(
      load_sample(*reader, coordinator, fewer, {}, DataType::kFloat32, 1, {.slots = {kParam}, .allow = {"scalar"}}), 0);

  float untouched = 5;
  const std::vector<WantedBox> wanted = {
      {kParam, "new.bias", {1}, DataType::kFloat32, topology::whole({1}), &untouched}};
  const LoadOptions allow_all = {
      .slots = {kParam},
      .allow = {"new.bias", "embed.tokens", "layers.0.attention.q.weight", "layers.0.ffn.up.weight",
                "layers.0.norm.weight", "odd", "scalar", "grow:scalar", "grow:tokens", "tokens"}};
  const auto loaded = reader->load(wanted, allow_all);
  EXPECT_EQ(loaded.missing, std::vector<std::string>{"param new.bias"});
  EXPECT_EQ(loaded.unexpected.size(), 6u);
  EXPECT_EQ(loaded.unknown, (std::vector<std::string>{"grow:tokens", "tokens"}));
  EXPECT_EQ(untouched, 5);
  EXPECT_THROW(reader->load(wanted, {.slots = {kParam}}), base::InputError);

  std::vector<SampleTensor> other_shape = weights;
  other_shape[3].shape = {17};
  EXPECT_THROW(load_sample(*reader, coordinator, other_shape, {}, DataType::kFloat32, 1, {.slots = {kParam}}),
               base::InputError);
}

TEST(SaveLoad, TheSameStateGivesTheSameBytes) {
  base::PosixFileSystem files;
  TemporaryDirectory a;
  TemporaryDirectory b;
  for (const auto* directory : {&a, &b}) {
    run_ranks(4, 2, [&](Coordinator& coordinator) {
      const auto result =
          save_sample(coordinator, files, sample_info(directory->path(), 1), sample_tensors(), {2, 2, 1, true});
      ASSERT_TRUE(result.ok) << result.error;
    });
  }
  const auto first = a.path() / "checkpoints/step_1";
  const auto second = b.path() / "checkpoints/step_1";
  const OpenedCheckpoint opened = open_checkpoint(files, first);
  EXPECT_EQ(opened.boxes_bytes, open_checkpoint(files, second).boxes_bytes);
  for (const auto& shard : opened.manifest.files) {
    EXPECT_TRUE(files.read_all(first / shard.name) == files.read_all(second / shard.name)) << shard.name;
  }
}

TEST(SaveLoad, SavingAStepAgainReplacesIt) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  SingleProcess coordinator;
  const auto tensors = sample_tensors();
  SaveInfo info = sample_info(directory.path(), 1);
  ASSERT_TRUE(save_sample(coordinator, files, info, tensors, {}).ok);
  info.run_id = "second";
  const auto result = save_sample(coordinator, files, info, tensors, {});
  ASSERT_TRUE(result.ok) << result.error;
  EXPECT_EQ(Reader::open(coordinator, files, result.path)->manifest().run_id, "second");
}

TEST(SaveLoad, BoxesThatDoNotMakeTheTensorAreRefusedByName) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  SingleProcess coordinator;
  const std::vector<float> data(100);
  const auto save = [&](const std::vector<StoredBox>& boxes) {
    const auto result = Writer(coordinator, files).save(sample_info(directory.path(), 1), boxes);
    EXPECT_FALSE(result.ok);
    EXPECT_FALSE(files.exists(directory.path() / "checkpoints")) << "a refused save leaves nothing";
    return result.error;
  };
  const auto box = [&](const std::string& name, Shape offset, Shape size) {
    return StoredBox{kParam, name, {10, 4}, DataType::kFloat32, {std::move(offset), std::move(size)}, data.data()};
  };
  EXPECT_NE(save({box("gap", {0, 0}, {9, 4})}).find("param gap: its pieces hold 36 of 40"), std::string::npos);
  EXPECT_NE(save({box("twice", {0, 0}, {6, 4}), box("twice", {5, 0}, {5, 4})}).find("overlap"), std::string::npos);
  EXPECT_NE(save({box("a/b", {0, 0}, {10, 4})}).find("a/b"), std::string::npos);
  EXPECT_NE(save({box("out", {1, 0}, {10, 4})}).find("outside"), std::string::npos);
  StoredBox half = box("half", {0, 0}, {10, 4});
  half.dtype = DataType::kBFloat16;
  EXPECT_NE(save({half}).find("param half: checkpoints hold no bf16"), std::string::npos);
}

/// Saves `values` as a tensor "a" on the first of two ranks and loads it on both as `to`.
template <typename To, typename From>
std::vector<std::vector<To>> saved_and_loaded(const std::vector<From>& values, DataType from, DataType to) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  const topology::Box box = topology::whole({std::ssize(values)});
  std::vector<std::vector<To>> loaded(2, std::vector<To>(values.size()));
  run_ranks(2, 1, [&](Coordinator& coordinator) {
    const std::vector<StoredBox> boxes = {{kParam, "a", box.size, from, box, values.data()}};
    const SaveResult saved = Writer(coordinator, files).save(sample_info(directory.path(), 1), boxes);
    ASSERT_TRUE(saved.ok) << saved.error;
    auto& mine = loaded[static_cast<std::size_t>(coordinator.rank())];
    const std::vector<WantedBox> wanted = {{kParam, "a", box.size, to, box, mine.data()}};
    Reader::open(coordinator, files, saved.path)->load(wanted);
  });
  return loaded;
}

TEST(SaveLoad, Bf16IsRoundedToNearestThroughFp32) {
  const float infinity = std::numeric_limits<float>::infinity();
  // Between 1 and 1 + 2^-7 lies the tie 1 + 2^-8, which goes to 1; the next one, 1 + 3 * 2^-8, goes up.
  const std::vector<float> singles = {0.0F,      -0.0F,     1.0F,     1.00390625F, 1.01171875F,
                                      1.003907F, 1.003905F, infinity, -infinity,   std::numeric_limits<float>::max(),
                                      -2.5F,     1e-40F};
  const std::vector<std::uint16_t> rounded = {0x0000, 0x8000, 0x3F80, 0x3F80, 0x3F82, 0x3F81,
                                              0x3F80, 0x7F80, 0xFF80, 0x7F80, 0xC020, 0x0001};
  for (const auto& loaded : saved_and_loaded<std::uint16_t>(singles, DataType::kFloat32, DataType::kBFloat16)) {
    EXPECT_EQ(loaded, rounded);
  }
  // A hair above the tie in fp64, and the tie itself in fp32, where a training has its masters.
  const std::vector<double> doubles = {1.00390625 + 1e-12, 1.0 / 3.0};
  for (const auto& loaded : saved_and_loaded<std::uint16_t>(doubles, DataType::kFloat64, DataType::kBFloat16)) {
    EXPECT_EQ(loaded, (std::vector<std::uint16_t>{0x3F80, 0x3EAB}));
  }
}

TEST(SaveLoad, RefusesToLoadIntoATypeThatCheckpointsDoNotHold) {
  const std::vector<float> values(3, 1.0F);
  EXPECT_THROW(saved_and_loaded<std::int64_t>(values, DataType::kFloat32, DataType::kInt64), base::InputError);
}

TEST(SaveLoad, ALostLeaseCommitsNothing) {
  base::PosixFileSystem files;
  TemporaryDirectory directory;
  run_ranks(2, 1, [&](Coordinator& coordinator) {
    SaveInfo info = sample_info(directory.path(), 1);
    info.holds_lease = [] { return false; };
    const auto result = save_sample(coordinator, files, info, sample_tensors(), {2, 1, 1, false});
    EXPECT_FALSE(result.ok);
    EXPECT_TRUE(result.lease_lost);
  });
  EXPECT_TRUE(files.list(directory.path() / "checkpoints").empty());
}

}  // namespace
}  // namespace trireme::checkpoint::tests
