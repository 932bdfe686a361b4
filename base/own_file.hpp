// The one way to read the files that a run keeps for itself: lease, ledger, requests, outcomes, run.ini, metrics.
// Somebody else may have put something in their place (docs/security.md). So no link is followed, only an ordinary file
// is read, no call waits, and memory is bounded. FileSystem::replace() replaces these files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/file_system.hpp"

namespace trireme::base {

/// The most bytes that a lease, a request, an outcome or a run file may hold.
inline constexpr std::uint64_t kOwnFileLimit = std::uint64_t{1} << 20;
/// The most bytes that a ledger may hold: some 100,000 attempts, or 1,000 attempts of 10,000 nodes.
inline constexpr std::uint64_t kLedgerLimit = std::uint64_t{256} << 20;

/// Reads the whole file. Throws InputError when it is longer than `limit`, or for the reasons of
/// FileSystem::open_own().
std::string read_own(FileSystem& files, const std::filesystem::path& path, Trust trust = Trust::kContent,
                     std::uint64_t limit = kOwnFileLimit);

/// The same for an open file; `path` is for messages. Reads at most `limit` bytes, whatever size the file reports.
std::string read_limited(File& file, const std::filesystem::path& path, std::uint64_t limit);

/// Calls visit() for the whole lines of a ledger, without their newlines, and skips lines longer than kLongestLine
/// (base/lines.hpp). A missing file counts as empty. Returns the number of bytes up to and including the last newline.
/// Throws InputError when the file is longer than kLedgerLimit.
std::uint64_t read_ledger(FileSystem& files, const std::filesystem::path& path, Trust trust,
                          const std::function<void(std::string_view)>& visit);

}  // namespace trireme::base
