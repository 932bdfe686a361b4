// A checkpoint whose checksums all match, made so that HDF5 leads its readers to other files.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <algorithm>

#include "base/checksum.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/shard.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/tools/verify.hpp"
#include "io/checkpoint/tools/view.hpp"
#include "tests/io/checkpoint/sample_model.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

void save_step(base::FileSystem& files, const std::filesystem::path& run) {
  trireme::tests::run_ranks(2, 1, [&](Coordinator& coordinator) {
    const std::vector<SampleTensor> tensors = {{kParam, "a", {4, 6}, DataType::kFloat32}};
    const auto result = save_sample(coordinator, files, sample_info(run, 1), tensors, {1, 2, 1, true});
    ASSERT_TRUE(result.ok) << result.error;
  });
}

/// Writes the manifest anew after somebody changed a shard with HDF5: every checksum matches, as an enemy would do it.
void make_checksums_match(base::FileSystem& files, const std::filesystem::path& path) {
  OpenedCheckpoint opened = open_tables(files, path);
  for (std::uint32_t i = 0; i < opened.manifest.files.size(); ++i) {
    ShardFile& shard = opened.manifest.files[i];
    const std::string bytes = files.read_all(path / shard.name);
    shard.bytes = bytes.size();
    shard.metadata_crc32c = 0;
    std::vector<base::ByteRange> inside;
    for (const auto& box : opened.table.boxes) {
      if (box.file == i) inside.push_back({box.offset, box.offset + opened.table.bytes_of(box)});
    }
    std::ranges::sort(inside, {}, &base::ByteRange::begin);
    for (const auto& range : gaps(inside, shard.bytes)) {
      shard.metadata_crc32c = base::crc32c(bytes.data() + range.begin, range.end - range.begin, shard.metadata_crc32c);
    }
  }
  files.replace(path / kManifestName, to_text(opened.manifest));
}

TEST(HostileShard, AShardThatLeadsReadersElsewhereIsNotGood) {
  trireme::tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  save_step(files, directory.path());
  const auto path = step_directory(directory.path(), 1);
  make_checksums_match(files, path);
  EXPECT_TRUE(verify(files, path, ShardCheck::kStorage, 2).findings.empty());

  const std::string shard = open_checkpoint(files, path).manifest.files[0].name;
  const hid_t file = H5Fopen((path / shard).c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  EXPECT_GE(H5Lcreate_external("/etc/passwd", "/x", file, "/secret", H5P_DEFAULT, H5P_DEFAULT), 0);
  EXPECT_GE(H5Fclose(file), 0);
  make_checksums_match(files, path);

  EXPECT_TRUE(verify(files, path, ShardCheck::kBytes, 2).findings.empty());
  for (const ShardCheck check : {ShardCheck::kStorage, ShardCheck::kDeep}) {
    const auto findings = verify(files, path, check, 2).findings;
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_EQ(findings[0].subject, "metadata of " + shard);
    EXPECT_EQ(findings[0].problem, "/secret is a link to another file");
  }
  EXPECT_THROW(write_view(files, path, directory.path() / "view.h5", base::Overwrite::kRefused, 2), DamagedCheckpoint);
  EXPECT_FALSE(files.exists(directory.path() / "view.h5"));
}

}  // namespace
}  // namespace trireme::checkpoint::tests
