// An HDF5 file that exists only as the pieces that libhdf5 wrote into it. It serves to produce the metadata of a file
// whose bulk bytes are written elsewhere: libhdf5 never touches a disk, so it never sees an I/O error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::hdf5 {

/// Sparse bytes: extents that neither overlap nor touch; all other bytes read as zero. Not thread-safe.
class Image {
 public:
  using Extents = std::map<std::uint64_t, std::vector<std::byte>>;  ///< offset -> bytes

  void write(std::uint64_t offset, const void* data, std::size_t length);
  void read(std::uint64_t offset, void* data, std::size_t length) const;
  const Extents& extents() const { return extents_; }

  /// Length of the whole file in bytes, the unwritten parts included.
  std::uint64_t length() const { return length_; }
  /// Sets the length and cuts off extents beyond it.
  void set_length(std::uint64_t length);

  /// Writes every extent to its offset. The caller sets the file's size.
  void write_to(base::File& file) const;

 private:
  Extents extents_;
  std::uint64_t length_ = 0;
};

}  // namespace trireme::hdf5
