// gzip and Zstandard data for tests.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <string>

namespace trireme::tests {

inline std::string gzip(const std::string& bytes) {
  std::string out(bytes.size() + 1000, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

/// A frame that decoders skip, as pzstd puts one in front of each of its frames.
inline std::string skippable_zstd(const std::string& content) {
  std::string out = "\x50\x2A\x4D\x18";
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(content.size() >> shift));
  return out + content;
}

/// A frame of one uncompressed block (RFC 8878) that asks for a window of 2 GiB, as zstd --ultra --long=31 makes them.
inline std::string zstd_with_widest_window(const std::string& bytes) {
  std::string out = "\x28\xB5\x2F\xFD";
  out.push_back('\0');                              // no content size, no checksum
  out.push_back(static_cast<char>(21 << 3));        // window 2^(10 + 21)
  const std::size_t block = 1 | bytes.size() << 3;  // last, raw
  for (int shift = 0; shift < 24; shift += 8) out.push_back(static_cast<char>(block >> shift));
  return out + bytes;
}

}  // namespace trireme::tests
