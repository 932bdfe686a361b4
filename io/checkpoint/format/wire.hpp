// Converts values to little-endian bytes and back, for BOXES.bin and for messages between ranks. Reading past the end
// throws.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.hpp"
#include "collectives/topology/box.hpp"

namespace trireme::checkpoint {

static_assert(std::endian::native == std::endian::little, "tensors are stored as they lie in memory");

class Encoder {
 public:
  template <typename T>
  void put(T value) {
    static_assert(std::is_integral_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void put_raw(const void* data, std::size_t length) { bytes_.append(static_cast<const char*>(data), length); }
  void put_text(std::string_view text) {
    put<std::uint32_t>(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  void put_shape(const topology::Shape& shape) {
    put<std::uint8_t>(static_cast<std::uint8_t>(shape.size()));
    for (const auto size : shape) put(size);
  }
  void put_box(const topology::Box& box) {
    put_shape(box.offset);
    for (const auto size : box.size) put(size);
  }
  std::string take() { return std::move(bytes_); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T get() {
    static_assert(std::is_integral_v<T>);
    T value;
    std::memcpy(&value, get_raw(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view get_raw(std::size_t length) {
    if (length > rest_.size()) throw base::Error("a message or table ends too early");
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }
  std::string get_text() { return std::string(get_raw(get<std::uint32_t>())); }
  topology::Shape get_shape() {
    topology::Shape shape(get<std::uint8_t>());
    for (auto& size : shape) size = get<std::int64_t>();
    return shape;
  }
  topology::Box get_box() {
    topology::Box box{get_shape(), {}};
    box.size.resize(box.offset.size());
    for (auto& size : box.size) size = get<std::int64_t>();
    return box;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace trireme::checkpoint
