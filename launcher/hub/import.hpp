// A Hugging Face directory becomes a checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "base/output_file.hpp"
#include "launcher/hub/directory.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::launcher {

/// The [model] section of the directory's model, complete but for dropout and init_std, which say how a model is
/// trained.
options::ModelSection model_section(const HubDirectory& directory);

struct ImportOptions {
  int threads = 1;  ///< each holds about 36 MiB
  base::Overwrite overwrite = base::Overwrite::kRefused;
  base::Json versions;  ///< of the libraries, for the manifest
  /// Called with the bytes written so far, by any thread; false ends the import with base::Stopped.
  std::function<bool(std::uint64_t bytes)> progress = [](std::uint64_t) { return true; };
};

struct ImportResult {
  std::uint64_t bytes = 0;       ///< total length of the checkpoint's files
  std::uint64_t parameters = 0;  ///< numbers in it
  double seconds = 0;
};

/// Writes the checkpoint `output`, a step directory of step 0: the parameters (fp64 where the directory has F64, else
/// fp32), no moments, HUB.json, and in the manifest a run file with the [model] section. It appears whole or not at
/// all. Throws as require_step_name() and OutputDirectory; base::InputError also for a copy of a tensor (a tied head)
/// with other numbers than the tensor itself.
ImportResult import_hub(base::FileSystem& files, const HubDirectory& directory, const std::filesystem::path& output,
                        const ImportOptions& options);

/// Bytes of the parameters as a checkpoint stores them.
std::uint64_t stored_bytes(const HubDirectory& directory);

/// The numbers of copies number `part` = 0 … copies().size() - 1 of `directory` are those of the tensor itself: throws
/// base::InputError naming both when not. Reads both in pieces, before each of which it asks `go_on`: false ends it
/// with base::Stopped.
void check_copy(
    base::FileSystem& files, const HubDirectory& directory, std::size_t part,
    const std::function<bool()>& go_on = [] { return true; });

}  // namespace trireme::launcher
