// The helper executable holds everything that needs MPI and LibTorch, so that all other commands start at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace trireme::launcher {

/// The path ../libexec/trireme/trireme-run from the directory of this program, the same in the build tree and
/// installed.
std::filesystem::path helper_path();

/// Whether the helper exists and may be run.
bool helper_exists();

/// Replaces this process by the helper with `arguments` (the command's name first), and never returns. Throws
/// base::InputError when there is no helper (this build has no LibTorch), base::Error when it cannot be run.
[[noreturn]] void exec_helper(const std::vector<std::string>& arguments);

}  // namespace trireme::launcher
