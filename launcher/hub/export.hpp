// A checkpoint becomes a Hugging Face directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/file_system.hpp"
#include "base/output_file.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "launcher/hub/export_plan.hpp"

namespace trireme::launcher {

struct ExportOptions {
  int threads = 1;  ///< each holds about 40 MiB
  base::Overwrite overwrite = base::Overwrite::kRefused;
  /// Called with the bytes read so far, by any thread; false ends the export with base::Stopped.
  std::function<bool(std::uint64_t bytes)> progress = [](std::uint64_t) { return true; };
};

/// Writes `output`: the planned files, with the checkpoint's parameters, kept tensors from the record, and `texts`,
/// which replace planned ones of the same name. Every byte that is read is compared with its checksum. The directory
/// appears whole or not at all. Returns the total length of its files. Throws as OutputDirectory; base::InputError when
/// the checkpoint lacks a parameter or has it in another shape, and naming the tensor for a number that the planned
/// type cannot hold; DamagedCheckpoint.
std::uint64_t export_hub(base::FileSystem& files, const checkpoint::OpenedCheckpoint& opened, const ExportPlan& plan,
                         const std::map<std::string, KeptTensor>& kept, const std::map<std::string, std::string>& texts,
                         const std::filesystem::path& output, const ExportOptions& options);

/// Why an export must not replace the directory `path` ("holds thesis.txt, …"); empty when it may: it has a
/// config.json, and nothing but what export and save_pretrained() write: hub_text_names(), *.safetensors.
std::string why_no_export(base::FileSystem& files, const std::filesystem::path& path);

}  // namespace trireme::launcher
