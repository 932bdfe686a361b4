// Any text as MANIFEST.json: as it is, and with the checksum made to match, so that what lies behind it is reached.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace {

using trireme::checkpoint::Manifest;
using trireme::checkpoint::parse_manifest;

constexpr const char* kTail = ",\n \"checksum\": \"";

std::string sealed(const std::string& text) {
  const std::string body = text.substr(0, text.rfind(kTail));
  return body + kTail + trireme::base::xxh3_hex(body) + "\"\n}\n";
}

/// What is accepted must be written and read again as the same.
void check(const std::string& text) {
  Manifest manifest;
  try {
    manifest = parse_manifest(text, "step");
  } catch (const trireme::base::Error&) {
    return;
  }
  std::string written;
  try {
    written = to_text(manifest);
  } catch (const trireme::base::Error&) {  // longer than the limit when it is indented
    return;
  }
  const Manifest again = parse_manifest(written, "step");
  const bool same = again.step == manifest.step && again.files.size() == manifest.files.size() &&
                    again.boxes_bytes == manifest.boxes_bytes && to_text(again) == written;
  if (!same) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(text);
  check(sealed(text));
  return 0;
}
