#include <array>

#include "io/hdf5/checked.hpp"
#include "io/hdf5/file.hpp"

namespace trireme::hdf5 {
namespace {

Handle scalar_space(const std::string& object) {
  return owned(H5Screate(H5S_SCALAR), H5Sclose, "make a scalar space for", object);
}

Handle text_type(std::size_t length, const std::string& object) {
  Handle type = owned(H5Tcopy(H5T_C_S1), H5Tclose, "copy the text type for", object);
  checked(H5Tset_size(type.id(), length), "set the length of the text of", object);
  checked(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "set the padding of the text of", object);
  checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "set the encoding of the text of", object);
  return type;
}

}  // namespace

void Object::write_attribute(const std::string& name, Id type, Id space, const void* data) {
  const std::string object = label_ + " attribute " + name;
  Handle attribute =
      owned(H5Acreate2(id(), name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, "create", object);
  // A space without elements holds no data, but some versions refuse a null pointer.
  const std::int64_t nothing = 0;
  checked(H5Awrite(attribute.id(), H5T_STD_I64LE == type ? H5T_NATIVE_INT64 : type, data ? data : &nothing), "write",
          object);
  attribute.close(object);
}

void Object::write_attribute(const std::string& name, std::string_view text) {
  // HDF5 has no text of length 0, so one NUL is stored; it reads back as an empty text.
  const std::string stored = text.empty() ? std::string(1, '\0') : std::string(text);
  write_attribute(name, text_type(stored.size(), label_).id(), scalar_space(label_).id(), stored.data());
}

void Object::write_attribute(const std::string& name, std::int64_t value) {
  write_attribute(name, H5T_STD_I64LE, scalar_space(label_).id(), &value);
}

void Object::write_attribute(const std::string& name, std::span<const std::int64_t> values) {
  const hsize_t count = values.size();
  const Handle space = owned(H5Screate_simple(1, &count, nullptr), H5Sclose, "make a space for", label_);
  write_attribute(name, H5T_STD_I64LE, space.id(), values.data());
}

bool Object::has_attribute(const std::string& name) const {
  return checked(H5Aexists(id(), name.c_str()), "look for an attribute of", label_) > 0;
}

std::string Object::read_text(const std::string& name) const {
  const std::string object = label_ + " attribute " + name;
  const Handle attribute = owned(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose, "open", object);
  const Handle type = owned(H5Aget_type(attribute.id()), H5Tclose, "read the type of", object);
  if (H5Tget_class(type.id()) != H5T_STRING || H5Tis_variable_str(type.id()) != 0) {
    throw Hdf5Error("expected fixed-length text in " + object);
  }
  std::string text(H5Tget_size(type.id()), '\0');
  checked(H5Aread(attribute.id(), type.id(), text.data()), "read", object);
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

std::vector<std::int64_t> Object::read_integers(const std::string& name) const {
  const std::string object = label_ + " attribute " + name;
  const Handle attribute = owned(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose, "open", object);
  const Handle type = owned(H5Aget_type(attribute.id()), H5Tclose, "read the type of", object);
  if (H5Tget_class(type.id()) != H5T_INTEGER) throw Hdf5Error("expected integers in " + object);
  const Handle space = owned(H5Aget_space(attribute.id()), H5Sclose, "read the shape of", object);
  const auto count = checked(H5Sget_simple_extent_npoints(space.id()), "read the shape of", object);
  std::vector<std::int64_t> values(static_cast<std::size_t>(count));
  if (count > 0) checked(H5Aread(attribute.id(), H5T_NATIVE_INT64, values.data()), "read", object);
  return values;
}

std::int64_t Object::read_integer(const std::string& name) const {
  const auto values = read_integers(name);
  if (values.size() != 1) throw Hdf5Error("expected one integer in " + label_ + " attribute " + name);
  return values[0];
}

}  // namespace trireme::hdf5
