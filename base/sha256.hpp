// SHA-256 (FIPS 180-4), for formats that ask for it; for our own files see base/checksum.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace trireme::base {

std::array<std::uint8_t, 32> sha256(std::string_view data);

/// Base64 with padding (RFC 4648).
std::string base64(std::string_view data);

}  // namespace trireme::base
