#include <utility>

#include "base/error.hpp"
#include "io/hdf5/checked.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::hdf5 {
namespace {

struct Links {
  std::vector<std::string> hard;
  std::string other;  // what the first link that is not hard is
};

#if H5_VERSION_GE(1, 12, 0)
using LinkInfo = H5L_info1_t;
#else
using LinkInfo = H5L_info_t;
#endif

/// Collects hard links and stops at the first link that is not hard.
herr_t collect(hid_t, const char* name, const LinkInfo* info, void* data) {
  auto* links = static_cast<Links*>(data);
  if (info->type == H5L_TYPE_HARD) {
    links->hard.push_back(base::str("/", name));
    return 0;
  }
  const char* kind = info->type == H5L_TYPE_SOFT ? "a soft link" : "a link to another file";
  links->other = base::str("/", name, " is ", kind);
  return 1;
}

std::string problem_of_dataset(Id id, const std::string& object) {
  const Handle list = owned(H5Dget_create_plist(id), H5Pclose, "read the layout of", object);
  const H5D_layout_t layout = checked(H5Pget_layout(list.id()), "read the layout of", object);
  if (layout == H5D_VIRTUAL) return " is a virtual dataset: its data lie elsewhere";
  if (layout != H5D_CONTIGUOUS) return " is not stored in one piece";
  if (checked(H5Pget_external_count(list.id()), "read the external files of", object) > 0) {
    return " has its data in another file";
  }
  return checked(H5Pget_nfilters(list.id()), "read the filters of", object) > 0 ? " has filters" : "";
}

}  // namespace

std::string File::foreign_storage() const {
  Links links;
#if H5_VERSION_GE(1, 12, 0)
  checked(H5Lvisit1(handle_.id(), H5_INDEX_NAME, H5_ITER_NATIVE, collect, &links), "list", label_);
#else
  checked(H5Lvisit(handle_.id(), H5_INDEX_NAME, H5_ITER_NATIVE, collect, &links), "list", label_);
#endif
  if (!links.other.empty()) return links.other;
  for (const std::string& path : links.hard) {
    const std::string label = label_ + ":" + path;
    const Handle object = owned(H5Oopen(handle_.id(), path.c_str(), H5P_DEFAULT), H5Oclose, "open", label);
    const H5I_type_t type = H5Iget_type(object.id());
    if (type == H5I_GROUP) continue;
    const std::string problem =
        type == H5I_DATASET ? problem_of_dataset(object.id(), label) : " is neither a group nor a dataset";
    if (!problem.empty()) return path + problem;
  }
  return "";
}

}  // namespace trireme::hdf5
