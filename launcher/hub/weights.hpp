// Fills boxes of a model straight from a Hugging Face directory, in any layout.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "io/checkpoint/load/load_options.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "launcher/hub/directory.hpp"

namespace trireme::launcher {

/// Collective: rank 0 opens the directory and the others get what it read, so the small files are read once. Throws
/// what HubDirectory::open() throws, on all ranks.
HubDirectory share_hub_directory(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                 const std::filesystem::path& path);

/// Collective. Each rank reads only the parts that it wants, in pieces of a few MiB. All wanted boxes must be of
/// kParam. `options.allow` works as for a checkpoint (grow: more rows than the file has; names that may be
/// missing or unexpected); fp16 and bf16 become fp32 or fp64 exactly, fp64 is rounded to fp32, and what is wanted as
/// bf16 to fp32 and then to bf16. Throws on all ranks: base::InputError when tensors are missing or unexpected or
/// shapes differ, before anything is written; base::Error when a rank cannot read.
checkpoint::LoadResult load_hub_weights(checkpoint::Coordinator& coordinator, base::FileSystem& files,
                                        const HubDirectory& directory, std::span<const checkpoint::WantedBox> wanted,
                                        const checkpoint::LoadOptions& options = {});

}  // namespace trireme::launcher
