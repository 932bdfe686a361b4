// The commit that Trireme was built from.
#pragma once

namespace trireme::launcher {

/// "0123456789ab", "0123456789ab with uncommitted changes", or "" where there is neither a repository nor an archive of
/// one. Written anew by every build (cmake/WriteCommit.cmake), so that a commit rebuilds one small file.
extern const char* const kCommit;

}  // namespace trireme::launcher
