// The virtual file driver behind File::create_in: libhdf5's reads and writes go to an Image. Private to io/hdf5.
#pragma once

#include "io/hdf5/handle.hpp"
#include "io/hdf5/image.hpp"

namespace trireme::hdf5 {

/// Registers the driver and selects it in the file access list `access` for `image`, which must outlive every file
/// opened with the list. The returned owner of the registration must outlive those files too.
Handle use_image(Id access, Image& image);

}  // namespace trireme::hdf5
