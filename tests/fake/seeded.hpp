// A fake machine whose orders are drawn from the suite's seed.
#pragma once

#include "tests/fake/fake.hpp"
#include "tests/support/random.hpp"

namespace trireme::fake {

inline Options seeded() {
  auto seeds = tests::seeded_random(15);
  return {.seed = static_cast<unsigned>(seeds())};
}

}  // namespace trireme::fake
