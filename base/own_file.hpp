// The one way to read the files that a run keeps for itself: lease, ledger, requests, outcomes, run.ini, metrics.
// Somebody else may have put something else in their place (docs/security.md): so no link is followed, nothing but an
// ordinary file is read, nothing waits, and memory is bounded. They are replaced by FileSystem::replace().
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/file_system.hpp"

namespace trireme::base {

/// What a lease, a request, an outcome or a run file may hold, in bytes.
inline constexpr std::uint64_t kOwnFileLimit = std::uint64_t{1} << 20;
/// What a ledger may hold: some 100,000 attempts, or 1,000 attempts of 10,000 nodes.
inline constexpr std::uint64_t kLedgerLimit = std::uint64_t{256} << 20;

/// The whole file. InputError when it is longer than `limit`, or for the reasons of FileSystem::open_own().
std::string read_own(FileSystem& files, const std::filesystem::path& path, Trust trust = Trust::kContent,
                     std::uint64_t limit = kOwnFileLimit);

/// The same of an open file; `path` is for the message. Reads `limit` bytes at most whatever its size says.
std::string read_limited(File& file, const std::filesystem::path& path, std::uint64_t limit);

/// Calls visit() for the whole lines of a ledger, without their newlines; those longer than kLongestLine
/// (base/lines.hpp) are passed over. One that is missing has none. Returns the bytes up to and with the last newline.
/// InputError when it is longer than kLedgerLimit.
std::uint64_t read_ledger(FileSystem& files, const std::filesystem::path& path, Trust trust,
                          const std::function<void(std::string_view)>& visit);

}  // namespace trireme::base
