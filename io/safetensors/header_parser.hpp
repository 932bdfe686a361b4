// Reads the JSON of a header. Private to io/safetensors.
#pragma once

#include <string>
#include <string_view>

#include "io/safetensors/header.hpp"

namespace trireme::safetensors {

/// The tensors in the order of the text, with whatever sizes and offsets it says. Throws base::InputError naming `file`
/// for everything that is no header in form: other JSON, members that are missing, given twice or of another type,
/// negative or fractional numbers, unknown element types. Reads without recursion and without a tree in memory.
Header parse_header_text(std::string_view text, const std::string& file);

}  // namespace trireme::safetensors
