#include "io/jinja/python_text.hpp"

#include <algorithm>
#include <cstring>

namespace trireme::jinja {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

bool breaks_line(std::uint32_t point) {
  return (point >= 0x0A && point <= 0x0D) || (point >= 0x1C && point <= 0x1E) || point == 0x85 || point == 0x2028 ||
         point == 0x2029;
}

bool contains(std::string_view characters, std::uint32_t point) {
  for (std::size_t at = 0; at < characters.size();) {
    if (next_code_point(characters, at) == point) return true;
  }
  return false;
}

std::size_t previous(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

std::uint32_t code_point_at(std::string_view text, std::size_t at) { return next_code_point(text, at); }

Pieces split_at_space(std::string_view text, std::int64_t most) {
  Pieces pieces;
  for (std::size_t at = 0;;) {
    while (at < text.size() && is_space(code_point_at(text, at))) next_code_point(text, at);
    if (at >= text.size()) return pieces;
    if (most >= 0 && static_cast<std::int64_t>(pieces.size()) == most) {
      pieces.push_back(text.substr(at));
      return pieces;
    }
    const std::size_t begin = at;
    while (at < text.size() && !is_space(code_point_at(text, at))) next_code_point(text, at);
    pieces.push_back(text.substr(begin, at - begin));
  }
}

Pieces split_at_space_from_right(std::string_view text, std::int64_t most) {
  Pieces pieces;
  for (std::size_t end = text.size();;) {
    while (end > 0 && is_space(code_point_at(text, previous(text, end)))) end = previous(text, end);
    if (end == 0) break;
    if (most >= 0 && static_cast<std::int64_t>(pieces.size()) == most) {
      pieces.push_back(text.substr(0, end));
      break;
    }
    const std::size_t last = end;
    while (end > 0 && !is_space(code_point_at(text, previous(text, end)))) end = previous(text, end);
    pieces.push_back(text.substr(end, last - end));
  }
  std::ranges::reverse(pieces);
  return pieces;
}

}  // namespace

std::uint32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])); };
  const std::uint32_t first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  std::uint32_t point = length == 1 ? first : first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) point = point << 6 | (byte(i) & 0x3F);
  at += length;
  return point;
}

void append_code_point(std::uint32_t point, std::string& out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  const std::uint32_t mark = more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0;
  out += static_cast<char>(mark | point >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

std::size_t byte_of(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  while (index > 0 && at < text.size()) {
    next_code_point(text, at);
    --index;
  }
  return at;
}

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t malformed_at(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    const unsigned first = byte(i);
    const std::size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 0 || first > 0xF4) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return i;
    }
    const unsigned second = byte(i + 1);
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
        (first == 0xF4 && second > 0x8F)) {
      return i;
    }
    i += length;
  }
  return text.size();
}

bool is_space(std::uint32_t point) {
  return (point >= 0x09 && point <= 0x0D) || (point >= 0x1C && point <= 0x20) || point == 0x85 || point == 0xA0 ||
         point == 0x1680 || (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

std::string_view strip(std::string_view text, Side side, const std::string_view* characters) {
  const auto goes = [&](std::uint32_t point) {
    return characters == nullptr ? is_space(point) : contains(*characters, point);
  };
  std::size_t begin = 0, end = text.size();
  if (side != Side::kRight) {
    while (begin < end && goes(code_point_at(text, begin))) next_code_point(text, begin);
  }
  if (side != Side::kLeft) {
    while (end > begin && goes(code_point_at(text, previous(text, end)))) end = previous(text, end);
  }
  return text.substr(begin, end - begin);
}

std::size_t find_text(std::string_view text, std::string_view part, bool from_right) {
  if (part.empty()) return from_right ? text.size() : 0;
  if (from_right) {
    std::size_t last = kNone;
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t found = find_text(text.substr(at), part);
      if (found == kNone) break;
      last = at + found;
      at = last + 1;
    }
    return last;
  }
  const void* const found = memmem(text.data(), text.size(), part.data(), part.size());
  return found == nullptr ? kNone : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::size_t count_text(std::string_view text, std::string_view part) {
  if (part.empty()) return count_code_points(text) + 1;
  std::size_t number = 0;
  for (std::size_t found; (found = find_text(text, part)) != kNone; ++number) text.remove_prefix(found + part.size());
  return number;
}

std::string replace_text(std::string_view text, std::string_view old, std::string_view with, std::int64_t most) {
  std::string result;
  std::size_t at = 0;
  while (most != 0 && at <= text.size()) {
    std::size_t begin = at;
    if (old.empty()) {  // before each character and at the end
      result += with;
      if (at == text.size()) break;
      next_code_point(text, at);
      result += text.substr(begin, at - begin);
    } else {
      const std::size_t found = find_text(text.substr(at), old);
      if (found == kNone) break;
      begin += found;
      result += text.substr(at, found);
      result += with;
      at = begin + old.size();
    }
    if (most > 0) --most;
  }
  result += text.substr(at);
  return result;
}

Pieces split(std::string_view text, const std::string_view* separator, std::int64_t most, bool from_right) {
  if (separator == nullptr) return from_right ? split_at_space_from_right(text, most) : split_at_space(text, most);
  Pieces pieces;
  const auto enough = [&] { return most >= 0 && static_cast<std::int64_t>(pieces.size()) >= most; };
  if (!from_right) {
    for (std::size_t at = 0;;) {
      const std::size_t found = enough() ? kNone : find_text(text.substr(at), *separator);
      pieces.push_back(text.substr(at, found));
      if (found == kNone) return pieces;
      at += found + separator->size();
    }
  }
  for (std::size_t end = text.size();;) {
    const std::size_t found = enough() ? kNone : text.substr(0, end).rfind(*separator);
    if (found == kNone) {
      pieces.push_back(text.substr(0, end));
      break;
    }
    pieces.push_back(text.substr(found + separator->size(), end - found - separator->size()));
    end = found;
  }
  std::ranges::reverse(pieces);
  return pieces;
}

Pieces split_lines(std::string_view text, bool keep_ends) {
  Pieces lines;
  for (std::size_t begin = 0, at = 0; at < text.size();) {
    const std::size_t end = at;
    const std::uint32_t point = next_code_point(text, at);
    if (!breaks_line(point)) {
      if (at == text.size()) lines.push_back(text.substr(begin));
      continue;
    }
    if (point == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  return lines;
}

}  // namespace trireme::jinja
