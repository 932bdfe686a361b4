// Checksums of stored bytes: CRC32C (Castagnoli), fast and combinable, for data; XXH3-128 for small whole files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trireme::base {

/// CRC32C (polynomial 0x1EDC6F41 reflected, initial value and final xor 0xFFFFFFFF) of `length` bytes that follow
/// bytes whose CRC32C is `before` (0 for none). crc32c("123456789") = 0xE3069283. Uses SSE4.2 and PCLMUL where the
/// CPU has them.
std::uint32_t crc32c(const void* data, std::size_t length, std::uint32_t before = 0);

/// The same result from lookup tables, on any CPU.
std::uint32_t crc32c_portable(const void* data, std::size_t length, std::uint32_t before = 0);

/// CRC32C of A followed by B, from those of A and B; `length_b` in bytes.
std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t length_b);

/// CRC32C of A followed by `count` zero bytes.
std::uint32_t crc32c_zeros(std::uint32_t a, std::uint64_t count);

/// XXH3-128 with seed 0 as 32 lower-case hex digits, most significant first.
std::string xxh3_hex(std::string_view bytes);

/// XXH3-64 with seed 0.
std::uint64_t xxh3_64(const void* data, std::size_t length);

}  // namespace trireme::base
