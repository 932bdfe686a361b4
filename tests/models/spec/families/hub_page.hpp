// docs/hub_fields.md: what becomes of each field of a config.json.
#pragma once

#include <string>

namespace trireme::spec {

std::string hub_page();

}  // namespace trireme::spec
