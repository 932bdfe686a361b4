// HDF5 files with contiguous datasets: enough to lay out a file whose bulk bytes are written and read without libhdf5,
// at Dataset::offset(). libhdf5 is not thread-safe: only one thread of the process may use it at a time. Errors are
// Hdf5Error naming file and object. libhdf5's file locks are off.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/hdf5/handle.hpp"
#include "io/hdf5/image.hpp"

namespace trireme::hdf5 {

using Shape = std::vector<std::int64_t>;

/// Element types; always little-endian in the file, whatever the machine.
enum class ElementType { kUInt8, kUInt16, kUInt32, kUInt64, kInt64, kFloat32, kFloat64 };

std::size_t size_of(ElementType type);

struct CreateOptions {
  std::uint64_t user_block = 0;  ///< bytes before the HDF5 part: 0 or a power of two from 512
  /// Objects of at least this many bytes start at multiples of it; smaller ones are packed. 0 = no alignment.
  std::uint64_t alignment = 0;
  /// Metadata is gathered into blocks of this size, small datasets into others. 0 = the library's default (2 KiB).
  std::uint64_t block = 0;
};

/// A box of a virtual dataset, and the dataset of another file that holds exactly this box.
struct VirtualPart {
  std::string file;     ///< absolute, or relative to the directory of the file that points to it
  std::string dataset;  ///< a dataset of shape `size`
  Shape offset;
  Shape size;
};

/// Something that carries attributes: a dataset or a group. The File must outlive it.
class Object {
 public:
  void write_attribute(const std::string& name, std::string_view text);                 ///< fixed-length UTF-8
  void write_attribute(const std::string& name, std::int64_t value);                    ///< scalar
  void write_attribute(const std::string& name, std::span<const std::int64_t> values);  ///< one-dimensional
  bool has_attribute(const std::string& name) const;
  std::string read_text(const std::string& name) const;
  std::int64_t read_integer(const std::string& name) const;
  std::vector<std::int64_t> read_integers(const std::string& name) const;

  /// File and path inside it, for messages.
  const std::string& label() const { return label_; }

 protected:
  Object(Handle handle, std::string label) : handle_(std::move(handle)), label_(std::move(label)) {}
  Id id() const { return handle_.id(); }

 private:
  friend class File;
  void write_attribute(const std::string& name, Id type, Id space, const void* data);

  Handle handle_;
  std::string label_;
};

class Group final : public Object {
  friend class File;
  using Object::Object;
};

class Dataset final : public Object {
 public:
  /// The offset of the first element, counted from the beginning of the file (user block included). Throws when the
  /// dataset has no storage.
  std::uint64_t offset() const;
  Shape shape() const;
  /// Throws when the dataset holds anything other than the types above, or is not contiguous.
  ElementType type() const;
  bool contiguous() const;
  /// Reads all elements in row-major order through libhdf5; meant for small datasets. `data` must have room for
  /// size_of(type()) bytes for each.
  void read(void* data) const;
  void write(const void* data);

 private:
  friend class File;
  using Object::Object;
};

class File {
 public:
  /// Creates or truncates the file on disk.
  static File create(const std::filesystem::path& path, const CreateOptions& options = {});
  /// Creates a file in memory. After close() the image holds the file's length and everything except the bulk bytes.
  /// `name` is for messages. The image must outlive the File.
  static File create_in(Image& image, const std::string& name, const CreateOptions& options = {});
  /// Opens the file read-only. The file's metadata must have been verified: libhdf5 crashes or hangs on damaged ones.
  static File open(const std::filesystem::path& path);

  /// Creates a contiguous dataset, whose storage is allocated now and never filled, and the missing groups on its path.
  /// Rank 0 (an empty shape) is a scalar. A dataset without elements has no offset.
  Dataset create_dataset(const std::string& path, ElementType type, const Shape& shape);
  /// Creates a dataset of floating-point numbers without storage of its own. Elements that no part covers, or whose
  /// file is missing, read as NaN. Parts are not looked at before somebody reads.
  Dataset create_virtual_dataset(const std::string& path, ElementType type, const Shape& shape,
                                 const std::vector<VirtualPart>& parts);
  Dataset dataset(const std::string& path) const;
  bool exists(const std::string& path) const;  ///< whether a link has that absolute path ("/a/b")
  /// Full paths of all datasets, in the library's order.
  std::vector<std::string> datasets() const;
  /// Says why somebody who reads this file with HDF5 may be led elsewhere: the first link that is soft or external, or
  /// the first object that is neither a group nor a dataset stored in one piece in this file without filters (so no
  /// external file, no virtual dataset). "" when there is none. Follows none of them and opens no other file.
  std::string foreign_storage() const;
  /// "/" is the root group.
  Group group(const std::string& path) const;

  /// Flushes and closes, and throws on failure, which the destructor cannot do.
  void close();

 private:
  File(Handle handle, std::string label, Handle driver = {})
      : driver_(std::move(driver)), handle_(std::move(handle)), label_(std::move(label)) {}

  Handle driver_;  // must outlive handle_: libhdf5 calls the driver's close after dropping its own reference
  Handle handle_;
  std::string label_;
};

}  // namespace trireme::hdf5
