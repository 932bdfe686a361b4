#include <array>
#include <utility>

#include "io/hdf5/checked.hpp"
#include "io/hdf5/element_type.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::hdf5 {
namespace {

struct TypePair {
  ElementType type;
  hid_t file;
  hid_t memory;
  std::size_t size;
};

// Not a constant, since libhdf5 makes its type identifiers when it is first used.
std::array<TypePair, 7> type_table() {
  return {{{ElementType::kUInt8, H5T_STD_U8LE, H5T_NATIVE_UINT8, 1},
           {ElementType::kUInt16, H5T_STD_U16LE, H5T_NATIVE_UINT16, 2},
           {ElementType::kUInt32, H5T_STD_U32LE, H5T_NATIVE_UINT32, 4},
           {ElementType::kUInt64, H5T_STD_U64LE, H5T_NATIVE_UINT64, 8},
           {ElementType::kInt64, H5T_STD_I64LE, H5T_NATIVE_INT64, 8},
           {ElementType::kFloat32, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 4},
           {ElementType::kFloat64, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 8}}};
}

TypePair pair_of(ElementType type) { return type_table()[static_cast<std::size_t>(type)]; }

}  // namespace

std::size_t size_of(ElementType type) { return pair_of(type).size; }
Id file_type(ElementType type) { return pair_of(type).file; }

std::uint64_t Dataset::offset() const {
  const haddr_t offset = H5Dget_offset(id());
  if (offset == HADDR_UNDEF) fail("find the storage of", label());
  return offset;
}

Shape Dataset::shape() const {
  const Handle space = owned(H5Dget_space(id()), H5Sclose, "read the shape of", label());
  const int rank = checked(H5Sget_simple_extent_ndims(space.id()), "read the shape of", label());
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  checked(H5Sget_simple_extent_dims(space.id(), sizes.data(), nullptr), "read the shape of", label());
  return Shape(sizes.begin(), sizes.end());
}

ElementType Dataset::type() const {
  const Handle type = owned(H5Dget_type(id()), H5Tclose, "read the type of", label());
  for (const auto& entry : type_table()) {
    if (checked(H5Tequal(type.id(), entry.file), "read the type of", label()) > 0) return entry.type;
  }
  throw Hdf5Error("the element type of " + label() + " is none that Trireme uses");
}

bool Dataset::contiguous() const {
  const Handle list = owned(H5Dget_create_plist(id()), H5Pclose, "read the layout of", label());
  return H5Pget_layout(list.id()) == H5D_CONTIGUOUS;
}

void Dataset::read(void* data) const {
  checked(H5Dread(id(), pair_of(type()).memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "read", label());
}

void Dataset::write(const void* data) {
  checked(H5Dwrite(id(), pair_of(type()).memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), "write", label());
}

}  // namespace trireme::hdf5
