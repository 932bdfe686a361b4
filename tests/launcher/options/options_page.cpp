// Writes docs/options.md to stdout.
#include "launcher/options/options_page.hpp"

#include <cstdio>

int main() {
  std::fputs(trireme::options::options_page().c_str(), stdout);
  return 0;
}
