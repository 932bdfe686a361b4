// MANIFEST.json and BOXES.bin that nobody saved are refused, whatever they hold (tests/fuzz goes further).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/checksum.hpp"
#include "io/checkpoint/format/box_table_layout.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/random.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::MemoryFileSystem;

const std::filesystem::path kRun = "/run";

/// Step 1, in two shards.
void save(MemoryFileSystem& files) {
  const std::vector<SampleTensor> tensors = {{kParam, "a", {4, 6}, DataType::kFloat32},
                                             {kAdamV, "b", {5}, DataType::kFloat32}};
  trireme::tests::run_ranks(2, 1, [&](Coordinator& coordinator) {
    const auto result = save_sample(coordinator, files, sample_info(kRun, 1), tensors, {1, 2, 1, true});
    ASSERT_TRUE(result.ok) << result.error;
  });
}

TEST(Parse, AnyBytesAsBoxTableAreRefusedNotCrashed) {
  MemoryFileSystem files;
  save(files);
  const OpenedCheckpoint opened = open_checkpoint(files, step_directory(kRun, 1));
  std::vector<std::uint64_t> lengths;
  for (const auto& shard : opened.manifest.files) lengths.push_back(shard.bytes);
  auto random = trireme::tests::seeded_random<std::mt19937_64>(7);
  int refused = 0;
  constexpr int kTrials = 40000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::string bytes = opened.boxes_bytes;
    for (std::size_t n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes[at] = static_cast<char>(0xFF); break;
        case 2: bytes.resize(at); break;
        default: {
          const std::uint64_t value = random() % 2 == 0 ? random() : ~std::uint64_t{0} >> (random() % 64);
          std::memcpy(bytes.data() + at / 8 * 8, &value, std::min<std::size_t>(8, bytes.size() - at / 8 * 8));
        }
      }
      if (bytes.empty()) break;
    }
    try {
      parse_boxes(bytes, lengths, kFormatVersion, "x");
    } catch (const DamagedCheckpoint&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, kTrials / 2);
}

TEST(Parse, AManifestOfWrongMembersIsRefusedThoughItsChecksumMatches) {
  MemoryFileSystem files;
  save(files);
  const std::string text = open_checkpoint(files, step_directory(kRun, 1)).manifest_text;
  const std::string body = text.substr(0, text.rfind(",\n \"checksum\""));
  const auto sealed = [](const std::string& b) { return b + ",\n \"checksum\": \"" + base::xxh3_hex(b) + "\"\n}\n"; };
  EXPECT_EQ(parse_manifest(sealed(body), "x").step, 1);
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"\"step\": 1", "\"step\": \"1\""},
                                                        {"\"step\": 1", "\"step\": 2e49"},
                                                        {"trireme-checkpoint", "another"},
                                                        {"node_0/shard_0.h5", "../../etc/passwd"},
                                                        {"node_0/shard_0.h5", "/etc/passwd"},
                                                        {"shard_1.h5", "shard_0.h5"},
                                                        {"\"options\"", "\"opinions\""},
                                                        {"\"x\"", std::string(500000, '[') + std::string(500000, ']')},
                                                        {"\"bytes\": ", "\"bytes\": -"}}) {
    std::string changed = body;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_THROW(parse_manifest(sealed(changed), "x"), DamagedCheckpoint) << to.substr(0, 80);
  }
  for (const char* directory : {"/run/checkpoints/step_2", "/run/checkpoints/step_2/"}) {
    EXPECT_THROW(parse_manifest(text, directory), DamagedCheckpoint);
  }
  for (const char* directory : {"step_1", "/run/checkpoints/step_1/", "best", "step_", "step_1.bad", ".step_2.bad.1"}) {
    EXPECT_EQ(parse_manifest(text, directory).step, 1) << directory;
  }
  std::string later = body;
  later.replace(later.find("\"version\": 2"), 12, "\"version\": 3");
  try {
    parse_manifest(sealed(later), "x");
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("later Trireme"));
  }
}

TEST(BoxTableFormat, ElementTypesKeepTheirNumbers) {
  EXPECT_EQ(kStoredTypes[0], DataType::kFloat32);
  EXPECT_EQ(kStoredTypes[1], DataType::kFloat64);
}

}  // namespace
}  // namespace trireme::checkpoint::tests
