#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <functional>

#include "io/hdf5/file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::hdf5 {
namespace {

using testing::HasSubstr;

/// A file with one honest dataset /a/good, to which `plant` adds something.
class ForeignStorageTest : public testing::Test {
 protected:
  std::string found_after(const std::function<void(hid_t file)>& plant) {
    const auto path = directory_.path() / "shard.h5";
    {
      File file = File::create(path);
      file.create_dataset("/a/good", ElementType::kFloat32, {4});
      file.close();
    }
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    EXPECT_GE(file, 0);
    plant(file);
    EXPECT_GE(H5Fclose(file), 0);
    return File::open(path).foreign_storage();
  }
  /// A dataset of 4 floats with the creation properties that `set` makes.
  static void add_dataset(hid_t file, const char* name, const std::function<void(hid_t list)>& set) {
    const hsize_t size = 4;
    const hid_t space = H5Screate_simple(1, &size, nullptr);
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    set(list);
    const hid_t dataset = H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    EXPECT_GE(dataset, 0);
    H5Dclose(dataset);
    H5Pclose(list);
    H5Sclose(space);
  }

 private:
  trireme::tests::TemporaryDirectory directory_;
};

TEST_F(ForeignStorageTest, NothingIsFoundInAFileThatHoldsItsOwnData) {
  EXPECT_EQ(found_after([](hid_t) {}), "");
  EXPECT_EQ(found_after([](hid_t file) { H5Lcreate_hard(file, "/a/good", file, "/again", H5P_DEFAULT, H5P_DEFAULT); }),
            "");
}

TEST_F(ForeignStorageTest, LinksElsewhereAreFoundAndNotFollowed) {
  const auto external = [](hid_t file) {
    H5Lcreate_external("none.h5", "/x", file, "/a/evil", H5P_DEFAULT, H5P_DEFAULT);
  };
  EXPECT_EQ(found_after(external), "/a/evil is a link to another file");
  const auto soft = [](hid_t file) { H5Lcreate_soft("/a/good", file, "/b", H5P_DEFAULT, H5P_DEFAULT); };
  EXPECT_EQ(found_after(soft), "/b is a soft link");
}

TEST_F(ForeignStorageTest, DataInAnotherFileAreFound) {
  EXPECT_THAT(found_after([](hid_t file) {
                add_dataset(file, "/a/evil", [](hid_t list) { H5Pset_external(list, "/etc/hostname", 0, 16); });
              }),
              HasSubstr("/a/evil has its data in another file"));
  EXPECT_THAT(found_after([](hid_t file) {
                add_dataset(file, "/a/evil", [](hid_t list) {
                  const hsize_t size = 4;
                  const hid_t space = H5Screate_simple(1, &size, nullptr);
                  H5Pset_virtual(list, space, "/tmp/other.h5", "/x", space);
                  H5Sclose(space);
                });
              }),
              HasSubstr("/a/evil is a virtual dataset"));
}

TEST_F(ForeignStorageTest, FiltersAndPiecesAreFound) {
  EXPECT_THAT(found_after([](hid_t file) {
                add_dataset(file, "/a/evil", [](hid_t list) {
                  const hsize_t size = 2;
                  H5Pset_chunk(list, 1, &size);
                  H5Pset_shuffle(list);
                });
              }),
              HasSubstr("/a/evil is not stored in one piece"));
  EXPECT_THAT(found_after([](hid_t file) {
                const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
                H5Tcommit2(file, "/type", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
                H5Tclose(type);
              }),
              HasSubstr("/type is neither a group nor a dataset"));
}

}  // namespace
}  // namespace trireme::hdf5
