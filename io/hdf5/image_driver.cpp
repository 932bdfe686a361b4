#include "io/hdf5/image_driver.hpp"

#include <exception>

#include "io/hdf5/checked.hpp"

#if H5_VERSION_GE(1, 13, 2)
#include <H5FDdevelop.h>
#endif

namespace trireme::hdf5 {
namespace {

// libhdf5 copies this struct into the access list byte by byte.
struct DriverInfo {
  Image* image;
};

struct ImageFile {
  H5FD_t base;  // must be first: libhdf5 sees only this member
  Image* image;
  haddr_t end_of_allocation;
};

constexpr haddr_t kMaxAddress = (haddr_t{1} << 62) - 1;

Image& image_of(const H5FD_t* file) { return *reinterpret_cast<const ImageFile*>(file)->image; }

// Exceptions must not pass through C code: running out of memory becomes a failure that libhdf5 reports.
template <typename Body>
herr_t guarded(Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

H5FD_t* open_image(const char*, unsigned, hid_t access, haddr_t) {
  const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(access));
  if (info == nullptr) return nullptr;
  auto* file = new (std::nothrow) ImageFile{};
  if (file == nullptr) return nullptr;
  file->image = info->image;
  return &file->base;
}

herr_t close_image(H5FD_t* file) {
  delete reinterpret_cast<ImageFile*>(file);
  return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t get_end_of_allocation(const H5FD_t* file, H5FD_mem_t) {
  return reinterpret_cast<const ImageFile*>(file)->end_of_allocation;
}

herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t address) {
  reinterpret_cast<ImageFile*>(file)->end_of_allocation = address;
  return 0;
}

haddr_t get_end_of_file(const H5FD_t* file, H5FD_mem_t) { return image_of(file).length(); }

herr_t read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, void* data) {
  image_of(file).read(address, data, size);
  return 0;
}

herr_t write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, size_t size, const void* data) {
  return guarded([&] { image_of(file).write(address, data, size); });
}

herr_t truncate(H5FD_t* file, hid_t, hbool_t) {
  return guarded([&] { image_of(file).set_length(reinterpret_cast<ImageFile*>(file)->end_of_allocation); });
}

H5FD_class_t make_class() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 2)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(511);  // in the range for drivers that no one registered
#endif
  driver.name = "trireme_image";
  driver.maxaddr = kMaxAddress;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(DriverInfo);
  driver.open = open_image;
  driver.close = close_image;
  driver.query = query;
  driver.get_eoa = get_end_of_allocation;
  driver.set_eoa = set_end_of_allocation;
  driver.get_eof = get_end_of_file;
  driver.read = read;
  driver.write = write;
  driver.truncate = truncate;
  const H5FD_mem_t map[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  for (int i = 0; i < H5FD_MEM_NTYPES; ++i) driver.fl_map[i] = map[i];
  return driver;
}

}  // namespace

Handle use_image(Id access, Image& image) {
  const H5FD_class_t driver = make_class();
  Handle registration = owned(H5FDregister(&driver), H5FDunregister, "register", "the in-memory HDF5 driver");
  const DriverInfo info{&image};
  checked(H5Pset_driver(access, registration.id(), &info), "select", "the in-memory HDF5 driver");
  return registration;
}

}  // namespace trireme::hdf5
