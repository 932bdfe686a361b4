#include "launcher/run_directory/tensorboard/event_record.hpp"

#include <algorithm>
#include <optional>

#include "base/checksum.hpp"

namespace trireme::launcher {
namespace {

constexpr std::size_t kHead = 12, kTail = 4;
constexpr std::uint64_t kLongest = std::uint64_t{64} << 20;  // a longer record is none of ours

void add_number(std::string& text, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
}

std::uint64_t number_at(std::string_view text, std::size_t at, int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)])) << (8 * i);
  }
  return value;
}

std::uint32_t masked_crc(std::string_view text) {
  const std::uint32_t crc = base::crc32c(text.data(), text.size());
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

std::optional<std::uint64_t> take_varint(std::string_view& text) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !text.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// Looks at the fields of an Event: 2 is the step, 5 a summary.
bool read_event(std::string_view text, EventRecord& record) {
  record.step = 0;
  record.summary = false;
  while (!text.empty()) {
    const auto tag = take_varint(text);
    if (!tag) return false;
    std::uint64_t length = 0;
    switch (*tag & 7) {
      case 0: {
        const auto value = take_varint(text);
        if (!value) return false;
        if (*tag >> 3 == 2) record.step = static_cast<std::int64_t>(*value);
        break;
      }
      case 1: length = 8; break;
      case 2: {
        const auto value = take_varint(text);
        if (!value) return false;
        length = *value;
        record.summary = record.summary || *tag >> 3 == 5;
        break;
      }
      case 5: length = 4; break;
      default: return false;
    }
    if (length > text.size()) return false;
    text.remove_prefix(static_cast<std::size_t>(length));
  }
  return true;
}

}  // namespace

std::string event_record(std::string_view event) {
  std::string record;
  record.reserve(kHead + event.size() + kTail);
  add_number(record, event.size(), 8);
  add_number(record, masked_crc(record), 4);
  record += event;
  add_number(record, masked_crc(event), 4);
  return record;
}

bool EventReader::fill(std::size_t bytes) {
  constexpr std::size_t kBlock = std::size_t{1} << 20;
  while (buffer_.size() < bytes) {
    const std::size_t before = buffer_.size();
    buffer_.resize(std::max(bytes, before + kBlock));
    const std::size_t count = file_.pread(buffer_.data() + before, buffer_.size() - before, offset_ + before);
    buffer_.resize(before + count);
    if (count == 0) return false;
  }
  return true;
}

bool EventReader::next(EventRecord& record) {
  // The record before is dropped only now and then, so that its bytes are not moved for each record.
  if (taken_ > buffer_.size() / 2) {
    buffer_.erase(0, taken_);
    offset_ += taken_;
    taken_ = 0;
  }
  if (!fill(taken_ + kHead)) return false;
  const std::string_view head = std::string_view(buffer_).substr(taken_, kHead);
  const std::uint64_t length = number_at(head, 0, 8);
  if (number_at(head, 8, 4) != masked_crc(head.substr(0, 8)) || length > kLongest) return false;
  const std::size_t whole = kHead + static_cast<std::size_t>(length) + kTail;
  if (!fill(taken_ + whole)) return false;
  const std::string_view event = std::string_view(buffer_).substr(taken_ + kHead, static_cast<std::size_t>(length));
  if (number_at(buffer_, taken_ + whole - kTail, 4) != masked_crc(event) || !read_event(event, record)) return false;
  record.event = event;
  record.begin = offset_ + taken_;
  record.end = record.begin + whole;
  taken_ += whole;
  return true;
}

}  // namespace trireme::launcher
