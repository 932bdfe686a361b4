// Generates docs/options.md from the table of keys.
#pragma once

#include <string>

namespace trireme::options {

/// The whole page, in Markdown.
std::string options_page();

}  // namespace trireme::options
