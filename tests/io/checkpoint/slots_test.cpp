// Slots are names: any of them are saved, loaded and found, another optimizer's are named in one sentence, and tables
// whose slots nobody wrote are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using trireme::tests::MemoryFileSystem;
using trireme::tests::run_ranks;

const std::filesystem::path kRun = "/run";

SampleTensor tensor(const char* slot, const char* name) { return {slot, name, {6, 8}, DataType::kFloat32}; }

/// Step 1.
OpenedCheckpoint save(MemoryFileSystem& files, const std::vector<SampleTensor>& tensors, const Layout& layout) {
  run_ranks(layout.ranks(), 1, [&](Coordinator& coordinator) {
    const auto result = save_sample(coordinator, files, sample_info(kRun, 1), tensors, layout);
    ASSERT_TRUE(result.ok) << result.error;
  });
  return open_checkpoint(files, step_directory(kRun, 1));
}

TEST(Slots, EachTensorHasItsOwnInEveryLayout) {
  const std::vector<SampleTensor> tensors = {tensor("momentum", "a"), tensor(kParam, "a"),   tensor("adam_m", "b"),
                                             tensor("ema", "a"),      tensor("adam_v", "b"), tensor(kParam, "b"),
                                             tensor("ema", "b")};
  ASSERT_NE(value_of(tensors[0], 0, 1), value_of(tensors[3], 0, 1));  // momentum taken for ema would be seen
  MemoryFileSystem files;
  const OpenedCheckpoint opened = save(files, tensors, {2, 2, 1, true});
  EXPECT_THAT(opened.table.slots(), ElementsAre("param", "adam_m", "adam_v", "ema", "momentum"));
  EXPECT_THAT(opened.table.slots_of("a"), ElementsAre("param", "ema", "momentum"));
  EXPECT_THAT(opened.table.slots_of("b"), ElementsAre("param", "adam_m", "adam_v", "ema"));
  EXPECT_THAT(opened.table.slots_of("c"), ElementsAre());
  const Layout other = {1, 1, 2, false};
  run_ranks(other.ranks(), 1, [&](Coordinator& coordinator) {
    const auto reader = Reader::open(coordinator, files, opened.path);
    EXPECT_EQ(load_sample(*reader, coordinator, tensors, other, DataType::kFloat32, 1), 0);
    const std::vector<SampleTensor> averages = {tensors[3], tensors[6]};
    EXPECT_EQ(load_sample(*reader, coordinator, averages, other, DataType::kFloat32, 1, {.slots = {"ema"}}), 0);
  });
}

TEST(Slots, AWordThatIsNoNameIsNotStored) {
  for (const char* bad : {"", "Adam", "a/b", "..", "a b"}) {
    MemoryFileSystem files;
    run_ranks(2, 1, [&](Coordinator& coordinator) {
      const std::vector<SampleTensor> tensors = {tensor(bad, "a")};
      const auto result = save_sample(coordinator, files, sample_info(kRun, 1), tensors, {2, 1, 1, false});
      EXPECT_FALSE(result.ok) << bad;
      EXPECT_THAT(result.error, HasSubstr("a slot's name is a lower-case letter")) << bad;
    });
  }
}

/// A run that goes on with another optimizer: of "a" the checkpoint has AdamW's moments, wanted is its momentum.
class AnotherOptimizer : public testing::Test {
 protected:
  AnotherOptimizer() {
    std::vector<SampleTensor> tensors;
    for (const char* slot : {kParam, kAdamM, kAdamV}) {
      for (const char* name : {"a", "b"}) tensors.push_back(tensor(slot, name));
    }
    path_ = save(files_, tensors, {}).path;
  }

  LoadResult load(const std::vector<SampleTensor>& tensors, const LoadOptions& options) {
    memory_.clear();
    for (const auto& one : tensors) memory_.push_back(make_memory(one, topology::whole(one.shape), one.dtype));
    std::vector<WantedBox> wanted;
    for (auto& m : memory_)
      wanted.push_back({m.tensor->slot, m.tensor->name, m.tensor->shape, m.tensor->dtype, m.box, m.data()});
    return Reader::open(coordinator_, files_, path_)->load(wanted, options);
  }
  std::string refusal(const std::vector<SampleTensor>& tensors, const LoadOptions& options) {
    try {
      load(tensors, options);
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "";
  }

  const std::vector<SampleTensor> wanted_ = {tensor(kParam, "a"), tensor(kParam, "b"), tensor("momentum", "a"),
                                             tensor(kAdamM, "b"), tensor(kAdamV, "b")};
  MemoryFileSystem files_;
  SingleProcess coordinator_;
  std::filesystem::path path_;
  std::vector<BoxMemory> memory_;
};

TEST_F(AnotherOptimizer, IsOneSentenceWithAllThatWouldAllowIt) {
  EXPECT_EQ(refusal(wanted_, {}),
            "checkpoint " + path_.string() +
                " does not fit: the checkpoint has no slot momentum (of a it has param, adam_m, adam_v) and the model "
                "has no place for adam_m a, adam_v a: checkpoint.allow = slot:adam_m,slot:adam_v,slot:momentum begins "
                "what is missing at its initial values and leaves out what has no place");
  const std::vector<SampleTensor> weights(wanted_.begin(), wanted_.begin() + 2);
  EXPECT_THAT(refusal(weights, {}), HasSubstr("no place for slot adam_m, slot adam_v: checkpoint.allow = "));
  EXPECT_EQ(refusal(weights, {.slots = {kParam}}), "");
  EXPECT_EQ(refusal(weights, {.part = true}), "");
}

TEST_F(AnotherOptimizer, IsAllowedBySlotAndSaysWhatWasLeft) {
  const LoadResult loaded =
      load(wanted_, {.allow = {"slot:momentum", "slot:adam_m", "slot:adam_v", "slot:ema", "slot:param"}});
  EXPECT_THAT(loaded.missing, ElementsAre("slot momentum"));
  EXPECT_THAT(loaded.unexpected, ElementsAre("adam_m a", "adam_v a"));
  EXPECT_THAT(loaded.unknown, ElementsAre("slot:ema", "slot:param"));
  for (auto& memory : memory_) {
    const bool untouched = memory.tensor->slot == "momentum";
    EXPECT_EQ(wrong_elements(memory, DataType::kFloat32, 1) == 0, !untouched) << memory.tensor->slot;
    EXPECT_EQ(memory.bytes == std::vector<char>(memory.bytes.size(), '\x7E'), untouched) << memory.tensor->slot;
  }
}

TEST_F(AnotherOptimizer, NeverMeansThatWeightsMayBeMissing) {
  std::vector<SampleTensor> more = wanted_;
  more.push_back(tensor(kParam, "c"));
  const LoadOptions allow = {.allow = {"slot:momentum", "slot:adam_m", "slot:adam_v", "slot:param"}};
  EXPECT_THAT(refusal(more, allow), HasSubstr("the checkpoint has no param c; name tensors in checkpoint.allow"));
}

/// A table with the slots param and adam_v, its bytes, and what can be made of them.
class SlotTable : public testing::Test {
 protected:
  SlotTable() : opened_(save(files_, {tensor(kParam, "a"), tensor(kAdamV, "b")}, {})), good_(opened_.boxes_bytes) {
    for (const auto& shard : opened_.manifest.files) lengths_.push_back(shard.bytes);
  }

  static void put(std::string& bytes, std::size_t at, std::uint64_t value) { std::memcpy(&bytes[at], &value, 8); }
  std::string with_slots(const std::string& slots) const {
    std::string bytes = good_.substr(0, good_.size() - kSlots.size()) + slots;
    put(bytes, 56, slots.size());
    put(bytes, 64, bytes.size());
    return bytes;
  }
  /// The table in version 1 has another magic, a header of 64 bytes and no slots, and adam_v has the number 2.
  std::string as_version_1() const {
    std::string bytes =
        good_.substr(0, 56) + std::string(8, '\0') + good_.substr(72, good_.size() - 72 - kSlots.size());
    bytes[7] = '1';
    put(bytes, 56, bytes.size());
    bytes[64 + 32 + 28] = 2;
    return bytes;
  }
  std::string refusal(const std::string& bytes, std::int64_t version = 2) const {
    try {
      parse_boxes(bytes, lengths_, version, "x");
    } catch (const DamagedCheckpoint& damage) {
      return damage.problem();
    }
    return "";
  }

  const std::string kSlots = std::string("param\0adam_v\0", 13);
  MemoryFileSystem files_;
  OpenedCheckpoint opened_;
  std::string good_;
  std::vector<std::uint64_t> lengths_;
};

TEST_F(SlotTable, NamesItsSlotsOnceAndCompactly) {
  EXPECT_TRUE(good_.ends_with(kSlots));
  EXPECT_EQ(refusal(with_slots(kSlots)), "");
}

TEST_F(SlotTable, OfImpossibleSlotsIsRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {std::string("param\0adam_v", 12), "the name of a slot has no end"},
      {std::string("param\0param\0", 12), "its slots are out of order"},
      {std::string("adam_v\0param\0", 13), "its slots are out of order"},
      {std::string("param\0b\0a\0", 10), "its slots are out of order"},
      {std::string("param\0../..\0", 12), "a slot has an impossible name"},
      {std::string("param\0/etc\0", 11), "a slot has an impossible name"},
      {std::string("param\0Adam\0", 11), "a slot has an impossible name"},
      {std::string("param\0\0", 7), "a slot has an impossible name"},
      {"param" + std::string(1, '\0') + std::string(33, 'a') + std::string(1, '\0'), "a slot has an impossible name"},
      {std::string("param\0", 6), "a slot is unknown"},
      {"", "a slot is unknown"},
      {std::string("param\0adam_v\0momentum\0", 22), "a slot is of no tensor"}};
  for (const auto& [slots, problem] : cases) EXPECT_EQ(refusal(with_slots(slots)), problem) << slots;
  std::string many;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) many += {a, b, '\0'};
  }
  EXPECT_EQ(refusal(with_slots(many)), "it has too many slots");
  std::string bytes = good_;
  bytes[72 + 32 + 28] = 7;
  EXPECT_EQ(refusal(bytes), "a slot is unknown");
}

TEST_F(SlotTable, WithATensorWhoseNameLeadsElsewhereIsRefused) {
  std::string bytes = good_;
  const std::size_t names = bytes.size() - kSlots.size() - 2;
  ASSERT_EQ(bytes.substr(names, 2), "ab");
  for (const char bad : {'/', '.', '\0'}) {
    bytes[names] = bad;
    EXPECT_EQ(refusal(bytes), "a tensor has an impossible name");
  }
}

TEST_F(SlotTable, OfVersion1IsTheSameTable) {
  const BoxTable table = parse_boxes(as_version_1(), lengths_, 1, "x");
  EXPECT_EQ(table.slots(), opened_.table.slots());
  EXPECT_EQ(to_bytes(table, lengths_.size()), good_);
  std::string bytes = as_version_1();
  bytes[64 + 32 + 28] = 4;
  EXPECT_EQ(refusal(bytes, 1), "a slot is unknown");
}

TEST_F(SlotTable, OfAnotherVersionThanTheManifestsIsRefused) {
  EXPECT_EQ(refusal(good_, 1), "it does not begin with TRBOXES1");
  EXPECT_EQ(refusal(as_version_1(), 2), "it does not begin with TRBOXES2");
  std::string body = opened_.manifest_text.substr(0, opened_.manifest_text.rfind(",\n \"checksum\""));
  body.replace(body.find("\"version\": 2"), 12, "\"version\": 1");
  const std::string old = body + ",\n \"checksum\": \"" + base::xxh3_hex(body) + "\"\n}\n";
  EXPECT_EQ(parse_manifest(old, "x").version, 1);
  EXPECT_THROW(parse_checkpoint(old, good_, "x"), DamagedCheckpoint);
  EXPECT_EQ(parse_checkpoint(old, as_version_1(), "x").table.slots(), opened_.table.slots());
}

}  // namespace
}  // namespace trireme::checkpoint::tests
