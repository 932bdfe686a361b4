// The filters, in two files: those of texts and numbers, and those of lists.
#pragma once

#include <string>

#include "io/jinja/interpreter.hpp"

namespace trireme::jinja {

Native find_plain_filter(const std::string& name);
Native find_list_filter(const std::string& name);

}  // namespace trireme::jinja
