#include "io/tokens/digest.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

constexpr std::uint64_t kPart = std::uint64_t{4} << 20;

Digest canonical(XXH128_hash_t hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  return std::bit_cast<Digest>(bytes);
}

}  // namespace

std::string to_hex(const Digest& digest) {
  std::string text;
  for (const std::byte byte : digest) {
    const auto value = std::to_integer<unsigned>(byte);
    text += "0123456789abcdef"[value >> 4];
    text += "0123456789abcdef"[value & 15];
  }
  return text;
}

Digest digest_of(const void* data, std::size_t length) { return canonical(XXH3_128bits(data, length)); }

struct Digester::State {
  State() : state(XXH3_createState()) {
    if (state == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(state);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(state); }
  XXH3_state_t* state;
};

Digester::Digester() : state_(std::make_unique<State>()) {}
Digester::Digester(Digester&&) noexcept = default;
Digester& Digester::operator=(Digester&&) noexcept = default;
Digester::~Digester() = default;

void Digester::update(const void* data, std::size_t length) { XXH3_128bits_update(state_->state, data, length); }

void Digester::update(base::File& file, std::uint64_t offset, std::uint64_t length, const std::string& name) {
  std::vector<std::byte> part(std::min(kPart, length));
  while (length > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(kPart, length);
    if (file.pread(part.data(), wanted, offset) != wanted) {
      throw base::Error(base::str(name, " became shorter while it was read: prepare it again"));
    }
    update(part.data(), wanted);
    offset += wanted;
    length -= wanted;
  }
}

Digest Digester::result() const { return canonical(XXH3_128bits_digest(state_->state)); }

}  // namespace trireme::tokens
