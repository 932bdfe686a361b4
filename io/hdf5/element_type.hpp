// Private to io/hdf5.
#pragma once

#include "io/hdf5/file.hpp"

namespace trireme::hdf5 {

/// libhdf5's identifier of the little-endian file type; valid while the library is, not to be closed.
Id file_type(ElementType type);

}  // namespace trireme::hdf5
