#include <limits>

#include "io/hdf5/checked.hpp"
#include "io/hdf5/element_type.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::hdf5 {
namespace {

Handle space_of(const Shape& shape, const std::string& object) {
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  return shape.empty() ? owned(H5Screate(H5S_SCALAR), H5Sclose, "make the space of", object)
                       : owned(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
                               "make the space of", object);
}

/// Escapes "%b", which libhdf5 replaces by a block's number in the names of source files.
std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name) text += c == '%' ? "%%" : std::string(1, c);
  return text;
}

}  // namespace

Dataset File::create_virtual_dataset(const std::string& path, ElementType type, const Shape& shape,
                                     const std::vector<VirtualPart>& parts) {
  const std::string object = label_ + ":" + path;
  const Handle list = owned(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make the creation list of", object);
  const double fill = std::numeric_limits<double>::quiet_NaN();
  checked(H5Pset_fill_value(list.id(), H5T_NATIVE_DOUBLE, &fill), "set the fill value of", object);
  checked(H5Pset_obj_track_times(list.id(), 0), "switch off the times of", object);
  const Handle space = space_of(shape, object);
  for (const auto& part : parts) {
    const Handle source = space_of(part.size, object);
    if (!shape.empty()) {
      const std::vector<hsize_t> offset(part.offset.begin(), part.offset.end());
      const std::vector<hsize_t> size(part.size.begin(), part.size.end());
      checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, offset.data(), nullptr, size.data(), nullptr),
              "select a part of", object);
    }
    checked(
        H5Pset_virtual(list.id(), space.id(), escaped(part.file).c_str(), escaped(part.dataset).c_str(), source.id()),
        "map a part of", object);
  }
  if (!shape.empty()) checked(H5Sselect_all(space.id()), "select all of", object);
  const Handle links = owned(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make the link list of", object);
  checked(H5Pset_create_intermediate_group(links.id(), 1), "set the link list of", object);
  return Dataset(
      owned(H5Dcreate2(handle_.id(), path.c_str(), file_type(type), space.id(), links.id(), list.id(), H5P_DEFAULT),
            H5Dclose, "create", object),
      object);
}

}  // namespace trireme::hdf5
