// Element types as libhdf5 identifies them. Private to io/hdf5.
#pragma once

#include "io/hdf5/file.hpp"

namespace trireme::hdf5 {

/// libhdf5's identifier of the little-endian file type. It stays valid while the library does; do not close it.
Id file_type(ElementType type);

}  // namespace trireme::hdf5
