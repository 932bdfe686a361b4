#pragma once

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace trireme::tests {

/// Returns the generator of a test's random cases, begun with `seed`, or with $TRIREME_SEED where that is set. Prints
/// the seed.
template <typename Engine = std::mt19937>
Engine seeded_random(unsigned seed) {
  if (const char* wanted = std::getenv("TRIREME_SEED")) seed = static_cast<unsigned>(std::stoul(wanted));
  std::cout << "seed " << seed << std::endl;
  return Engine(seed);
}

}  // namespace trireme::tests
