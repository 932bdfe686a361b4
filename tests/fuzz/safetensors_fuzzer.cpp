// Any bytes as the header of a safetensors file, with a length of data that fits what it says and one that does not,
// and as an index.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "io/safetensors/header.hpp"
#include "io/safetensors/index.hpp"

namespace {

using trireme::safetensors::Header;

/// What is accepted must be written and read again as the same.
void check(const std::string& text, std::uint64_t bytes) {
  Header header;
  try {
    header = trireme::safetensors::parse_header(text, bytes, "file");
  } catch (const trireme::base::InputError&) {
    return;
  }
  const std::string written = header_bytes(header);
  if (written.size() % 8 != 0) std::abort();
  if (!(trireme::safetensors::parse_header(written.substr(8), bytes, "file") == header)) std::abort();
}

/// The largest number in the text: the end of the data, if the text is a header.
std::uint64_t largest(const std::string& text) {
  std::uint64_t most = 0;
  std::uint64_t number = 0;
  for (const char c : text) {
    number =
        c >= '0' && c <= '9' && number < (std::uint64_t{1} << 58) ? number * 10 + static_cast<unsigned>(c - '0') : 0;
    if (number > most) most = number;
  }
  return most;
}

void check_index(const std::string& text) {
  trireme::safetensors::Index index;
  try {
    index = trireme::safetensors::parse_index(text, "index");
  } catch (const trireme::base::InputError&) {
    return;
  }
  const auto again = trireme::safetensors::parse_index(index_text(index), "index");
  if (again.shard_of != index.shard_of || again.total_size != index.total_size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text, size);
  check(text, largest(text));
  check_index(text);
  return 0;
}
