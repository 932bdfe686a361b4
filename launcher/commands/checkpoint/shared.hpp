// What the subcommands of `trireme checkpoint` share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "collectives/topology/box.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "launcher/commands/commands.hpp"

namespace trireme::launcher {

int checkpoint_list(const Arguments& arguments);
int checkpoint_inspect(const Arguments& arguments);
int checkpoint_verify(const Arguments& arguments);
int checkpoint_diff(const Arguments& arguments);
int checkpoint_copy(const Arguments& arguments);
int checkpoint_average(const Arguments& arguments);
int checkpoint_prune(const Arguments& arguments);
int checkpoint_view(const Arguments& arguments);

/// The run directory itself, from it or from its checkpoints folder. Throws base::InputError when it is none.
std::filesystem::path run_directory_of(base::FileSystem& files, const std::string& word);

/// A step directory, or the newest one of a run directory. Throws base::InputError when the run has none.
std::filesystem::path step_directory_of(base::FileSystem& files, const std::string& word);

/// Bytes of all files of a checkpoint but MANIFEST.json.
std::uint64_t bytes_of(const checkpoint::Manifest& manifest);

/// The layout as a person writes it: a text if the run stored one, else compact JSON.
std::string layout_text(const base::Json& layout);

/// "768x3072"; "" for a scalar.
std::string shape_text(const topology::Shape& shape);

/// Three significant digits.
std::string number_text(double value);

/// Cores that this process may run on, at least 1.
int usable_cores();

}  // namespace trireme::launcher
