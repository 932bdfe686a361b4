// The commit that Trireme was built from.
#pragma once

namespace trireme::launcher {

/// "0123456789ab", "0123456789ab with uncommitted changes", or "" where there is neither a repository nor an archive of
/// one. Every build writes it anew (cmake/WriteCommit.cmake), so a commit rebuilds one small file only.
extern const char* const kCommit;

}  // namespace trireme::launcher
