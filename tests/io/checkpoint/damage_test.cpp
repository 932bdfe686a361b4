// A flipped, missing or added byte anywhere is found, named, and leads a resume to the older checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/checksum.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/run/restore.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/memory_file_system.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::MemoryFileSystem;
using trireme::tests::run_ranks;

const std::filesystem::path kRun = "/run";

std::vector<SampleTensor> tensors() {
  return {{kParam, "a", {4, 6}, DataType::kFloat32}, {kAdamV, "b", {5}, DataType::kFloat32}};
}

void save_steps(base::FileSystem& files, const std::filesystem::path& run, const std::vector<std::int64_t>& steps) {
  for (const auto step : steps) {
    run_ranks(2, 1, [&](Coordinator& coordinator) {
      const auto result = save_sample(coordinator, files, sample_info(run, step), tensors(), {1, 2, 1, true});
      ASSERT_TRUE(result.ok) << result.error;
    });
  }
}

std::int64_t restore(MemoryFileSystem& files) {
  SingleProcess coordinator;
  return restore_newest(
             coordinator, files, kRun, 2, {},
             [&](Reader& reader) {
               EXPECT_EQ(load_sample(reader, coordinator, tensors(), {}, DataType::kFloat32, reader.manifest().step),
                         0);
             })
      .value_or(-1);
}

/// What may be named for a byte of a file: its box, the file's metadata, or the table it lies in.
std::string expected_subject(const OpenedCheckpoint& opened, const std::string& file, std::uint64_t at) {
  for (std::uint32_t f = 0; f < opened.manifest.files.size(); ++f) {
    if (opened.manifest.files[f].name != file) continue;
    for (const auto& box : opened.table.boxes) {
      if (box.file == f && at >= box.offset && at < box.offset + opened.table.bytes_of(box)) {
        return describe(opened.table, box);
      }
    }
    return "metadata of " + file;
  }
  return file;
}

/// Offsets worth a flip: all that are not zero, those around them, and every 5003rd of the padding.
std::vector<std::size_t> interesting(const std::string& bytes) {
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool near = bytes[i] != 0 || (i > 0 && bytes[i - 1] != 0) || (i + 1 < bytes.size() && bytes[i + 1] != 0);
    if (near || i % 5003 == 0 || i + 1 == bytes.size()) offsets.push_back(i);
  }
  return offsets;
}

TEST(Damage, EveryFlippedByteIsFoundAndNamed) {
  MemoryFileSystem files;
  save_steps(files, kRun, {1});
  const auto directory = step_directory(kRun, 1);
  const OpenedCheckpoint opened = open_checkpoint(files, directory);
  ASSERT_TRUE(verify(files, directory, ShardCheck::kBytes, 1).findings.empty());
  std::vector<std::string> names = {kManifestName, kBoxesName};
  for (const auto& shard : opened.manifest.files) names.push_back(shard.name);
  ASSERT_EQ(names.size(), 4u);
  std::size_t flips = 0;
  for (const auto& name : names) {
    std::string& bytes = files.bytes(directory / name);
    for (const std::size_t at : interesting(bytes)) {
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      const auto findings = verify(files, directory, ShardCheck::kBytes, 1).findings;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      ASSERT_EQ(findings.size(), 1u) << name << " byte " << at;
      ASSERT_EQ(findings[0].subject, expected_subject(opened, name, at)) << name << " byte " << at;
      ++flips;
    }
  }
  EXPECT_GT(flips, 2500u);
  EXPECT_TRUE(verify(files, directory, ShardCheck::kBytes, 1).findings.empty());
}

TEST(Damage, AMissingOrAddedByteIsFoundInEveryFile) {
  MemoryFileSystem files;
  save_steps(files, kRun, {1});
  const auto directory = step_directory(kRun, 1);
  const OpenedCheckpoint opened = open_checkpoint(files, directory);
  std::vector<std::string> names = {kManifestName, kBoxesName};
  for (const auto& shard : opened.manifest.files) names.push_back(shard.name);
  for (const auto& name : names) {
    std::string& bytes = files.bytes(directory / name);
    const std::string good = bytes;
    const std::string subject = name.ends_with(".h5") ? "metadata of " + name : name;
    for (const std::size_t at : {std::size_t{0}, good.size() / 3, good.size() / 2, good.size() - 1, good.size()}) {
      for (const bool add : {true, false}) {
        if (!add && at == good.size()) continue;
        add ? bytes.insert(at, 1, '\0') : bytes.erase(at, 1);
        const auto findings = verify(files, directory, ShardCheck::kBytes, 2).findings;
        ASSERT_FALSE(findings.empty()) << name << (add ? " + " : " - ") << at;
        EXPECT_TRUE(std::ranges::any_of(findings, [&](const Finding& f) { return f.subject == subject; })) << name;
        bytes = good;
      }
    }
    bytes.clear();
    EXPECT_FALSE(verify(files, directory, ShardCheck::kBytes, 1).findings.empty());
    bytes = good;
  }
  EXPECT_TRUE(verify(files, directory, ShardCheck::kBytes, 1).findings.empty());
}

TEST(Damage, MissingAndForeignFilesAreNamed) {
  MemoryFileSystem files;
  save_steps(files, kRun, {1});
  const auto directory = step_directory(kRun, 1);
  files.open(directory / "node_0" / "notes.txt", base::OpenMode::kCreate);
  files.create_directory(directory / "node_7");
  auto findings = verify(files, directory, ShardCheck::kBytes, 1).findings;
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].subject, "node_0/notes.txt");
  EXPECT_EQ(findings[1].subject, "node_7");
  files.remove(directory / "node_0" / "notes.txt");
  files.remove(directory / "node_7");

  files.remove(directory / "node_0" / "shard_1.h5");
  findings = verify(files, directory, ShardCheck::kBytes, 1).findings;
  EXPECT_TRUE(
      std::ranges::any_of(findings, [](const Finding& f) { return f.subject == "metadata of node_0/shard_1.h5"; }));
  files.remove(directory / kManifestName);
  findings = verify(files, directory, ShardCheck::kBytes, 1).findings;
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].subject, kManifestName);
  EXPECT_THROW(verify(files, kRun / "checkpoints" / "step_9", ShardCheck::kBytes, 1), base::InputError);
}

TEST(Damage, AResumeTakesTheOlderOneAndSetsTheBadOneAside) {
  MemoryFileSystem files;
  save_steps(files, kRun, {1, 2});
  const auto bad = step_directory(kRun, 2);
  const OpenedCheckpoint opened = open_checkpoint(files, bad);
  const auto& box = opened.table.boxes[0];
  for (const auto& [name, at] : std::vector<std::pair<std::string, std::size_t>>{
           {kManifestName, 30}, {kBoxesName, 100}, {opened.manifest.files[box.file].name, box.offset + 3}}) {
    files.bytes(bad / name)[at] ^= 4;
    EXPECT_EQ(restore(files), 1) << name;
    EXPECT_FALSE(files.exists(bad));
    EXPECT_TRUE(files.exists(kRun / "checkpoints" / ".step_2.bad.2"));
    files.rename(kRun / "checkpoints" / ".step_2.bad.2", bad);
    files.bytes(bad / name)[at] ^= 4;
  }
  EXPECT_EQ(restore(files), 2);
  files.remove_all(bad);
  files.open(bad, base::OpenMode::kCreate);
  EXPECT_EQ(restore(files), 1) << "a file in the place of the directory";
}

TEST(Damage, NoneReadableIsAnErrorAndTouchesNothing) {
  MemoryFileSystem files;
  EXPECT_EQ(restore(files), -1);  // a run that never saved
  save_steps(files, kRun, {1, 2});
  for (const int step : {1, 2}) files.bytes(step_directory(kRun, step) / kManifestName)[5] ^= 1;
  try {
    restore(files);
    FAIL() << "started from scratch";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("step_2"));
    EXPECT_THAT(error.what(), testing::HasSubstr("step_1"));
  }
  EXPECT_EQ(committed_steps(files, kRun), (std::vector<std::int64_t>{1, 2}));
  // Nor when only ones that were set aside are left.
  files.rename(step_directory(kRun, 1), kRun / "checkpoints" / ".step_1.bad.1");
  files.rename(step_directory(kRun, 2), kRun / "checkpoints" / ".step_2.bad.1");
  EXPECT_THROW(restore(files), base::Error);
}

TEST(Damage, EveryRankHearsOfADamagedBlock) {
  MemoryFileSystem files;
  save_steps(files, kRun, {1});
  const auto directory = step_directory(kRun, 1);
  const OpenedCheckpoint opened = open_checkpoint(files, directory);
  const auto& box = opened.table.boxes[1];
  files.bytes(directory / opened.manifest.files[box.file].name)[box.offset] ^= 1;
  std::atomic<int> heard = 0;
  run_ranks(4, 2, [&](Coordinator& coordinator) {
    const auto reader = Reader::open(coordinator, files, directory);
    try {
      load_sample(*reader, coordinator, tensors(), {1, 4, 1, true}, DataType::kFloat32, 1);
    } catch (const DamagedCheckpoint& damage) {
      heard += damage.subject() == describe(opened.table, box);
    }
  });
  EXPECT_EQ(heard, 4);
}

TEST(Damage, DeepVerifyComparesWhatHdf5Sees) {
  trireme::tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  save_steps(files, directory.path(), {1});
  const auto path = step_directory(directory.path(), 1);
  EXPECT_TRUE(verify(files, path, ShardCheck::kDeep, 2).findings.empty());

  // Another name in the table, with every checksum made to match: only HDF5 knows better.
  OpenedCheckpoint opened = open_checkpoint(files, path);
  opened.table.tensors[0].name = "z";  // the dataset is still called "a"
  const std::string bytes = to_bytes(opened.table, opened.manifest.files.size());
  opened.manifest.boxes_bytes = bytes.size();
  opened.manifest.boxes_xxh3 = base::xxh3_hex(bytes);
  const std::string text = to_text(opened.manifest);
  files.open(path / kBoxesName, base::OpenMode::kCreate)->pwrite(bytes.data(), bytes.size(), 0);
  files.open(path / kManifestName, base::OpenMode::kCreate)->pwrite(text.data(), text.size(), 0);
  EXPECT_TRUE(verify(files, path, ShardCheck::kBytes, 2).findings.empty());
  const auto findings = verify(files, path, ShardCheck::kDeep, 2).findings;
  ASSERT_FALSE(findings.empty());
  EXPECT_THAT(findings[0].subject + findings[0].problem, testing::HasSubstr("a/"));
}

}  // namespace
}  // namespace trireme::checkpoint::tests
