#include <zstd.h>

#include "base/error.hpp"
#include "launcher/hub/record.hpp"

namespace trireme::launcher {

KeptTensor pack(const std::string& bytes) {
  constexpr int kLevel = 9;
  KeptTensor kept{bytes.size(), std::string(ZSTD_compressBound(bytes.size()), '\0')};
  const std::size_t size = ZSTD_compress(kept.packed.data(), kept.packed.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size) != 0) throw base::Error(base::str("zstd: ", ZSTD_getErrorName(size)));
  kept.packed.resize(size);
  return kept;
}

std::string unpack(const KeptTensor& kept, const std::string& name) {
  std::string bytes(kept.bytes, '\0');
  const std::size_t size = ZSTD_decompress(bytes.data(), bytes.size(), kept.packed.data(), kept.packed.size());
  if (ZSTD_isError(size) == 0 && size == kept.bytes) return bytes;
  throw base::InputError(base::str("the kept tensor ", name, " cannot be unpacked: HUB.json is not what was written"));
}

}  // namespace trireme::launcher
