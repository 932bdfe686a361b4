// Reads files of JSON lines: one object a line, of which a few members are wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "io/text/byte_source.hpp"

namespace trireme::launcher {

/// The wanted members of one line; other members are ignored, and of two with one name the last counts. Every error is
/// a base::InputError that begins with the line's place.
class JsonLine {
 public:
  static constexpr std::size_t kDeepest = 128;

  /// "FILE:3".
  const std::string& place() const { return place_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The string of a member, which must be there.
  std::string text(std::string_view name) const;
  /// The strings of a member that is a list of strings.
  std::vector<std::string> texts(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  /// A member as JSON text that any reader takes, on one line without tabs; "" when it is missing. At most kDeepest
  /// brackets are inside each other, so that readers that recurse can take it.
  std::string json(std::string_view name) const;
  /// Throws base::InputError: the place, then `why`.
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  friend class JsonLines;
  struct Member {
    std::string_view name;
    std::string value;  ///< as it is spelled
    bool there = false;
  };
  const std::string* find(std::string_view name) const;
  const std::string& require(std::string_view name) const;
  std::string unescaped(std::string_view name, std::string_view spelled) const;

  std::string place_;
  std::vector<Member> members_;
};

/// Reads sequentially, in memory for one line. Blank lines are skipped; gzip and Zstandard are decompressed; "-" is
/// standard input. Errors are base::InputError naming file and line: what text::open_text_source() refuses, a line that
/// is longer than kLongestLine, not valid UTF-8 or not a JSON object.
class JsonLines {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{64} << 20;  ///< bytes

  /// `names`: the wanted members; the texts must outlive this object.
  JsonLines(base::FileSystem& files, const std::string& path, std::vector<std::string_view> names);

  /// Reads the next line; returns false at the end.
  bool next(JsonLine& line);

 private:
  bool read_line(std::string& line);
  void parse(const std::string& text, JsonLine& line) const;

  std::string name_;
  std::vector<std::string_view> names_;
  std::unique_ptr<text::ByteSource> source_;
  std::string bytes_;  ///< read; those from used_ on are not returned yet
  std::size_t used_ = 0;
  std::uint64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace trireme::launcher
