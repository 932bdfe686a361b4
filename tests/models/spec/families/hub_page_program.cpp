// Writes docs/hub_fields.md to stdout.
#include <cstdio>

#include "tests/models/spec/families/hub_page.hpp"

int main() {
  std::fputs(trireme::spec::hub_page().c_str(), stdout);
  return 0;
}
