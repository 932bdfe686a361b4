// Sets of code points, for the character classes of split patterns.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace trireme::text {

inline constexpr std::uint32_t kLastCodePoint = 0x10FFFF;

/// A set of code points 0 to 0x10FFFF, kept as ranges: ascending, disjoint, not adjacent.
class CodePointSet {
 public:
  using Range = std::pair<std::uint32_t, std::uint32_t>;  ///< first and last code point

  CodePointSet() = default;
  /// Takes ranges in any order; they may overlap.
  explicit CodePointSet(std::vector<Range> ranges);

  const std::vector<Range>& ranges() const noexcept { return ranges_; }
  bool empty() const noexcept { return ranges_.empty(); }
  bool contains(std::uint32_t code_point) const noexcept;

  CodePointSet complement() const;
  CodePointSet operator|(const CodePointSet& other) const;
  CodePointSet operator&(const CodePointSet& other) const;
  bool operator==(const CodePointSet& other) const = default;

  /// Writes the set as the inside of a bracket expression: \x{41}-\x{5A}\x{5F}.
  std::string bracket_members() const;

 private:
  std::vector<Range> ranges_;
};

}  // namespace trireme::text
