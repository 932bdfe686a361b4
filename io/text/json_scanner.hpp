// Reads JSON as other programs write it. In members that nobody asked for, NaN, Infinity, numbers too large for a
// double and halves of surrogate pairs (such as \ud83d alone) are accepted; nlohmann::json refuses them anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace trireme::text {

enum class JsonText { kMalformed, kObject, kOther };

/// Called for each member of the outermost object, with key and value as they are spelled, the key without its quotes.
using JsonMember = std::function<void(std::string_view key, std::string_view value)>;

/// Checks that `text` is one JSON value. If it is an object, calls `member` for each member in order; the same key may
/// come several times. In a malformed text members may have been passed before the fault is found. Nested values need
/// no stack.
JsonText scan_json(std::string_view text, const JsonMember& member);

/// Appends to `out` what the inside of a string literal from scan_json() means, with U+FFFD for each half of a
/// surrogate pair; returns the number of these.
std::uint64_t append_json_string(std::string_view spelled, std::string& out);

/// Rewrites JSON for a strict reader: null for NaN, Infinity and numbers too large, kHalfSurrogate for each half of a
/// surrogate pair. A malformed text stays malformed.
std::string strict_json(std::string_view text);

/// U+FDD0, which is not a character and appears in no sensible text.
inline constexpr std::string_view kHalfSurrogate = "\xEF\xB7\x90";

}  // namespace trireme::text
