#include "io/hdf5/file.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.hpp"

namespace trireme::hdf5 {
namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;

TEST(Hdf5File, ReadsBackWhatIsWrittenPastTheLibrary) {
  tests::TemporaryDirectory directory;
  const auto path = directory.path() / "a.h5";
  const std::vector<std::uint16_t> tokens = {1, 2, 65535, 4};
  std::uint64_t offset = 0;
  {
    File file = File::create(path, {.user_block = 4096});
    Dataset dataset = file.create_dataset("/data/tokens", ElementType::kUInt16, {4});
    dataset.write_attribute("words", "héllo");
    dataset.write_attribute("nothing", "");
    dataset.write_attribute("shape", std::vector<std::int64_t>{3, -4, 1LL << 40});
    dataset.write_attribute("none", std::span<const std::int64_t>());
    file.group("/").write_attribute("count", std::int64_t{7});
    offset = dataset.offset();
    file.close();
  }
  base::PosixFileSystem files;
  EXPECT_GE(offset, 4096u);
  files.open(path, base::OpenMode::kReadWrite)->pwrite(tokens.data(), 8, offset);

  const File file = File::open(path);
  const Dataset dataset = file.dataset("/data/tokens");
  EXPECT_EQ(dataset.shape(), Shape{4});
  EXPECT_EQ(dataset.type(), ElementType::kUInt16);
  EXPECT_TRUE(dataset.contiguous());
  EXPECT_EQ(dataset.offset(), offset);
  std::vector<std::uint16_t> read(4);
  dataset.read(read.data());
  EXPECT_EQ(read, tokens);
  EXPECT_EQ(dataset.read_text("words"), "héllo");
  EXPECT_EQ(dataset.read_text("nothing"), "");
  EXPECT_EQ(dataset.read_integers("shape"), (std::vector<std::int64_t>{3, -4, 1LL << 40}));
  EXPECT_TRUE(dataset.read_integers("none").empty());
  EXPECT_EQ(file.group("/").read_integer("count"), 7);
  EXPECT_FALSE(dataset.has_attribute("other"));
  EXPECT_TRUE(file.exists("/data/tokens"));
  EXPECT_FALSE(file.exists("/other/tokens"));
  EXPECT_EQ(file.datasets(), std::vector<std::string>{"/data/tokens"});
}

TEST(Hdf5File, EveryElementTypeKeepsItsNameAndSize) {
  Image image;
  File file = File::create_in(image, "types");
  for (const auto type : {ElementType::kUInt8, ElementType::kUInt16, ElementType::kUInt32, ElementType::kUInt64,
                          ElementType::kInt64, ElementType::kFloat32, ElementType::kFloat64}) {
    const Dataset dataset = file.create_dataset(base::str("/", static_cast<int>(type)), type, {3, 2});
    EXPECT_EQ(dataset.type(), type);
  }
  const Dataset scalar = file.create_dataset("/scalar", ElementType::kFloat64, {});
  EXPECT_EQ(scalar.shape(), Shape{});
}

TEST(Hdf5File, ImageOfAHugeFileIsSmallAndOpens) {
  tests::TemporaryDirectory directory;
  Image image;
  std::uint64_t big_offset = 0;
  std::uint64_t second_offset = 0;
  {
    File file = File::create_in(image, "shard", {.alignment = kMebibyte, .block = kMebibyte});
    for (int i = 0; i < 100; ++i) {
      file.create_dataset(base::str("/param/small.", i, "/0"), ElementType::kFloat32, {10});
    }
    Dataset big = file.create_dataset("/param/big/0", ElementType::kFloat32, {10, 1000 * 1000 * 1000});
    big.write_attribute("dtype", "fp32");
    big_offset = big.offset();
    second_offset = file.create_dataset("/param/next/0", ElementType::kFloat64, {1 << 20}).offset();
    file.close();
  }
  EXPECT_EQ(big_offset % kMebibyte, 0u);
  EXPECT_EQ(second_offset % kMebibyte, 0u);
  EXPECT_GE(image.length(), 40ull * 1000 * 1000 * 1000);
  EXPECT_LE(image.extents().size(), 8u);
  std::size_t metadata = 0;
  for (const auto& [offset, bytes] : image.extents()) metadata += bytes.size();
  EXPECT_LE(metadata, 2 * kMebibyte);

  base::PosixFileSystem files;
  const auto path = directory.path() / "shard.h5";
  {
    const auto out = files.open(path, base::OpenMode::kCreateExclusive);
    out->truncate(image.length());
    image.write_to(*out);
    const float value = 42;
    out->pwrite(&value, 4, big_offset);
  }
  const File file = File::open(path);
  EXPECT_EQ(file.dataset("/param/big/0").offset(), big_offset);
  EXPECT_EQ(file.dataset("/param/big/0").read_text("dtype"), "fp32");
  EXPECT_EQ(file.datasets().size(), 102u);
}

TEST(Hdf5File, SmallTensorsArePacked) {
  Image image;
  File file = File::create_in(image, "shard", {.alignment = kMebibyte, .block = kMebibyte});
  std::vector<std::uint64_t> offsets;
  for (int i = 0; i < 50; ++i) {
    offsets.push_back(file.create_dataset(base::str("/", i), ElementType::kFloat32, {100}).offset());
  }
  for (std::size_t i = 1; i < offsets.size(); ++i) EXPECT_EQ(offsets[i], offsets[i - 1] + 400);
}

TEST(Hdf5File, ErrorsNameTheObjectAndCarryTheLibrarysText) {
  Image image;
  File file = File::create_in(image, "shard");
  file.create_dataset("/a/b", ElementType::kUInt8, {1});
  try {
    file.create_dataset("/a/b", ElementType::kUInt8, {1});
    FAIL() << "the second dataset of one name was taken";
  } catch (const Hdf5Error& error) {
    EXPECT_NE(std::string(error.what()).find("shard:/a/b"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("exists"), std::string::npos) << error.what();
  }
  EXPECT_THROW(File::open("/nonexistent/file.h5"), Hdf5Error);
}

TEST(Hdf5File, ADatasetWithoutElementsHasNoOffset) {
  Image image;
  File file = File::create_in(image, "shard");
  EXPECT_THROW(file.create_dataset("/empty", ElementType::kUInt8, {0}).offset(), Hdf5Error);
}

}  // namespace
}  // namespace trireme::hdf5
