// Reads JSON as other programs write it: NaN, Infinity, numbers too large for a double and halves of surrogate pairs
// (such as \ud83d alone) are no fault in members that nobody asked for. nlohmann::json refuses them anywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace trireme::text {

enum class JsonText { kMalformed, kObject, kOther };

/// Called for each member of the outermost object: the key and the value as they are spelled, the key without its
/// quotes.
using JsonMember = std::function<void(std::string_view key, std::string_view value)>;

/// Checks that `text` is one JSON value, and calls `member` for each member of an object, in order, the same key
/// perhaps several times. Members of a malformed text may have been given before the fault is found. Needs no stack
/// for nested values.
JsonText scan_json(std::string_view text, const JsonMember& member);

/// Appends to `out` what the inside of a string literal that scan_json() gave means, U+FFFD for each half of a
/// surrogate pair; returns how many.
std::uint64_t append_json_string(std::string_view spelled, std::string& out);

/// The same JSON for a strict reader: null for NaN, Infinity and numbers too large, kHalfSurrogate for each half of a
/// surrogate pair. A malformed text comes back malformed.
std::string strict_json(std::string_view text);

/// U+FDD0, which is no character and stands in no sensible text.
inline constexpr std::string_view kHalfSurrogate = "\xEF\xB7\x90";

}  // namespace trireme::text
