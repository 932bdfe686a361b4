// The page of a report: one HTML file that holds everything and asks no network for anything.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// What a page is made of, besides the data.
struct PageParts {
  std::string html;  ///< with @POLICY@, @STYLES@, @DATA@ and @SCRIPTS@, once each
  std::vector<std::string> styles;
  std::vector<std::string> scripts;  ///< run in this order
};

/// Reads them from `directory`. Throws base::Error, which says what to install, when the library for curves is not
/// there.
PageParts read_page_parts(base::FileSystem& files, const std::filesystem::path& directory);

/// "<prefix>/share/trireme/report", where this program lies in <prefix>/bin.
std::filesystem::path page_directory();

/// JSON that can stand in a script element: <, >, &, U+2028 and U+2029, which JSON has inside strings only, become \u
/// escapes. The value stays the same.
std::string escaped_json(std::string_view json);

/// "default-src 'none'; script-src 'sha256-…' …": allows exactly these styles and scripts, and nothing else.
std::string content_policy(const PageParts& parts);

/// Throws base::Error when the parts do not make a page: the frame lacks a mark where a part belongs, or a script would
/// end its own element.
std::string make_page(const PageParts& parts, std::string_view json);

}  // namespace trireme::launcher
