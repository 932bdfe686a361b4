// Bytes as text (RFC 4648, with padding).
#pragma once

#include <string>
#include <string_view>

namespace trireme::launcher {

std::string to_base64(std::string_view bytes);
/// Throws base::Error for text that to_base64() does not write.
std::string from_base64(std::string_view text);

}  // namespace trireme::launcher
