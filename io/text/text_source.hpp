// Opens a file for reading text: decompresses it, and refuses it when it is something else.
#pragma once

#include <memory>
#include <string>

#include "io/text/decompression.hpp"

namespace trireme::text {

/// How certain a refusal must be.
enum class ContentCheck {
  kNone,     ///< nothing is refused
  kCertain,  ///< refuse what begins as a known binary format does (known_binary)
  kLikely    ///< refuse also what has the proportions of one (likely_binary)
};

/// Combines open_raw_source(), decompressed() and the checks of content_kind.hpp, for any name, for files and pipes
/// alike. Bytes come as they are, including a byte order mark. Throws base::InputError besides theirs for content that
/// `check` refuses, and for a name that ends in .gz or .zst (in any case) when the file holds neither.
std::unique_ptr<PeekSource> open_text_source(base::FileSystem& files, const std::string& path, ExpansionLimit limit,
                                             ContentCheck check);

}  // namespace trireme::text
