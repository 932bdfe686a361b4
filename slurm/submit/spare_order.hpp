// <dir>/logs/spare.<attempt>: as what a spare job is to go on, from the process that watches the cluster beside the
// ranks to the batch script, which carries it out once the attempt has saved and ended.
#pragma once

#include <filesystem>
#include <optional>

#include "base/file_system.hpp"
#include "slurm/submit/spare.hpp"

namespace trireme::slurm {

/// "<run_directory>/logs/spare.<attempt>".
std::filesystem::path spare_order_file(const std::filesystem::path& run_directory, int attempt);

/// Keeps the slice's size and time; its place stays that of the job. base::IoError.
void write_spare_order(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt,
                       const Slice& slice);

/// Nothing when the attempt was given no order, or it is not whole.
std::optional<Slice> read_spare_order(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt);

}  // namespace trireme::slurm
