// Writes messages of Protocol Buffers, whose library is not linked: LibTorch carries one of its own. The encoding is
// that of protobuf.dev/programming-guides/encoding.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace trireme::launcher {

/// One message. Fields are written in the order of the calls, also where they have their default value.
class ProtoWriter {
 public:
  void number(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(value);
  }
  void real(int field, double value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 1);
    fixed(std::bit_cast<std::uint64_t>(value), 8);
  }
  void real(int field, float value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 5);
    fixed(std::bit_cast<std::uint32_t>(value), 4);
  }
  /// A string (which must be UTF-8), bytes, or a message within this one.
  void bytes(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    message_ += value;
  }
  void message(int field, const ProtoWriter& value) { bytes(field, value.message_); }

  const std::string& text() const { return message_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) message_ += static_cast<char>(value | 0x80);
    message_ += static_cast<char>(value);
  }
  void fixed(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) message_ += static_cast<char>(value >> (8 * i));
  }

  std::string message_;
};

}  // namespace trireme::launcher
