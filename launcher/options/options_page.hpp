// docs/options.md, generated from the table of keys.
#pragma once

#include <string>

namespace trireme::options {

/// The whole page, Markdown.
std::string options_page();

}  // namespace trireme::options
