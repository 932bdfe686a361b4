#include "io/hdf5/file.hpp"

#include <utility>

#include "io/hdf5/checked.hpp"
#include "io/hdf5/element_type.hpp"
#include "io/hdf5/image_driver.hpp"

namespace trireme::hdf5 {
namespace {

Handle access_list(const CreateOptions& options, const std::string& label) {
  Handle list = owned(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make the access list of", label);
  checked(H5Pset_fclose_degree(list.id(), H5F_CLOSE_STRONG), "set the access list of", label);
#if H5_VERSION_GE(1, 10, 7)
  checked(H5Pset_file_locking(list.id(), 0, 1), "switch off locks for", label);
#endif
  if (options.alignment > 0) {
    checked(H5Pset_alignment(list.id(), options.alignment, options.alignment), "set the alignment of", label);
  }
  if (options.block > 0) {
    checked(H5Pset_meta_block_size(list.id(), options.block), "set the metadata block of", label);
    checked(H5Pset_small_data_block_size(list.id(), options.block), "set the small data block of", label);
  }
  return list;
}

Handle creation_list(const CreateOptions& options, const std::string& label) {
  Handle list = owned(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "make the creation list of", label);
  checked(H5Pset_userblock(list.id(), options.user_block), "set the user block of", label);
  return list;
}

#if H5_VERSION_GE(1, 12, 0)
using ObjectInfo = H5O_info1_t;
#else
using ObjectInfo = H5O_info_t;
#endif

herr_t collect_dataset(hid_t, const char* name, const ObjectInfo* info, void* data) {
  if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(data)->push_back(base::str("/", name));
  return 0;
}

}  // namespace

File File::create(const std::filesystem::path& path, const CreateOptions& options) {
  keep_quiet();
  const std::string label = path.string();
  return File(owned(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation_list(options, label).id(),
                              access_list(options, label).id()),
                    H5Fclose, "create", label),
              label);
}

File File::create_in(Image& image, const std::string& name, const CreateOptions& options) {
  keep_quiet();
  const Handle access = access_list(options, name);
  Handle driver = use_image(access.id(), image);
  return File(owned(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation_list(options, name).id(), access.id()), H5Fclose,
                    "create", name),
              name, std::move(driver));
}

File File::open(const std::filesystem::path& path) {
  keep_quiet();
  const std::string label = path.string();
  return File(owned(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_list({}, label).id()), H5Fclose, "open", label),
              label);
}

Dataset File::create_dataset(const std::string& path, ElementType type, const Shape& shape) {
  const std::string object = label_ + ":" + path;
  const std::vector<hsize_t> sizes(shape.begin(), shape.end());
  const Handle space = shape.empty() ? owned(H5Screate(H5S_SCALAR), H5Sclose, "make the space of", object)
                                     : owned(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
                                             H5Sclose, "make the space of", object);
  const Handle links = owned(H5Pcreate(H5P_LINK_CREATE), H5Pclose, "make the link list of", object);
  checked(H5Pset_create_intermediate_group(links.id(), 1), "set the link list of", object);
  const Handle list = owned(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make the creation list of", object);
  checked(H5Pset_layout(list.id(), H5D_CONTIGUOUS), "set the layout of", object);
  checked(H5Pset_alloc_time(list.id(), H5D_ALLOC_TIME_EARLY), "set the allocation of", object);
  checked(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), "set the filling of", object);
  checked(H5Pset_obj_track_times(list.id(), 0), "switch off the times of", object);
  return Dataset(
      owned(H5Dcreate2(handle_.id(), path.c_str(), file_type(type), space.id(), links.id(), list.id(), H5P_DEFAULT),
            H5Dclose, "create", object),
      object);
}

Dataset File::dataset(const std::string& path) const {
  const std::string object = label_ + ":" + path;
  return Dataset(owned(H5Dopen2(handle_.id(), path.c_str(), H5P_DEFAULT), H5Dclose, "open", object), object);
}

bool File::exists(const std::string& path) const {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (checked(H5Lexists(handle_.id(), part.c_str(), H5P_DEFAULT), "look for", label_ + ":" + part) == 0) return false;
    if (end == std::string::npos) return true;
  }
}

std::vector<std::string> File::datasets() const {
  std::vector<std::string> paths;
#if H5_VERSION_GE(1, 12, 0)
  checked(H5Ovisit1(handle_.id(), H5_INDEX_NAME, H5_ITER_NATIVE, collect_dataset, &paths), "list", label_);
#else
  checked(H5Ovisit(handle_.id(), H5_INDEX_NAME, H5_ITER_NATIVE, collect_dataset, &paths), "list", label_);
#endif
  return paths;
}

Group File::group(const std::string& path) const {
  const std::string object = label_ + ":" + path;
  return Group(owned(H5Gopen2(handle_.id(), path.c_str(), H5P_DEFAULT), H5Gclose, "open", object), object);
}

void File::close() { handle_.close(label_); }

}  // namespace trireme::hdf5
