// The virtual file driver behind File::create_in: it directs libhdf5's reads and writes to an Image. Private to
// io/hdf5.
#pragma once

#include "io/hdf5/handle.hpp"
#include "io/hdf5/image.hpp"

namespace trireme::hdf5 {

/// Registers the driver and selects it for `image` in the file access list `access`. The image and the returned owner
/// of the registration must outlive every file that is opened with the list.
Handle use_image(Id access, Image& image);

}  // namespace trireme::hdf5
