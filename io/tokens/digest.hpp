// XXH3-128 digests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/file_system.hpp"

namespace trireme::tokens {

/// An XXH3-128 digest in canonical (big-endian) byte order.
using Digest = std::array<std::byte, 16>;

/// The digest as 32 lower-case hexadecimal digits.
std::string to_hex(const Digest& digest);
Digest digest_of(const void* data, std::size_t length);

/// Computes the digest of bytes that come in parts.
class Digester {
 public:
  Digester();
  Digester(Digester&&) noexcept;
  Digester& operator=(Digester&&) noexcept;
  ~Digester();

  void update(const void* data, std::size_t length);
  /// Adds bytes [offset, offset + length) of a file. Throws base::Error naming the file when it is shorter.
  void update(base::File& file, std::uint64_t offset, std::uint64_t length, const std::string& name);
  /// The digest of all bytes so far.
  Digest result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trireme::tokens
