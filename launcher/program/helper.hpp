// The helper executable: what needs MPI and LibTorch lives there, so that everything else starts at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace trireme::launcher {

/// ../libexec/trireme/trireme-run from the directory of this program; the same in the build tree and installed.
std::filesystem::path helper_path();

/// Whether the helper is there and may be run.
bool helper_exists();

/// Replaces this process by the helper with `arguments` (the command's name first). Throws base::InputError when
/// there is none (this build has no LibTorch), base::Error when it cannot be run; never returns.
[[noreturn]] void exec_helper(const std::vector<std::string>& arguments);

}  // namespace trireme::launcher
