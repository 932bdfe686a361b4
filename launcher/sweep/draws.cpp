#include "launcher/sweep/draws.hpp"

#include <boost/random/sobol.hpp>

#include "base/philox.hpp"

namespace trireme::launcher {
namespace {

std::uint64_t word(std::uint64_t seed, std::uint64_t trial, std::uint64_t attempt, std::uint64_t name) {
  const base::PhiloxCounter counter{static_cast<std::uint32_t>(trial), static_cast<std::uint32_t>(trial >> 32),
                                    static_cast<std::uint32_t>(attempt), static_cast<std::uint32_t>(attempt >> 32)};
  const base::PhiloxCounter drawn = base::philox(counter, base::philox_key(base::mix(seed, name)));
  return (std::uint64_t{drawn[0]} << 32) | drawn[1];
}

// 53 bits, so that the number is exact and below 1.
double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace

double random_place(std::uint64_t seed, std::uint64_t trial, std::uint64_t attempt, const std::string& name) {
  return unit(word(seed, trial, attempt, base::name_hash(name)));
}

std::vector<double> sobol_point(std::uint64_t index, std::size_t dimensions, std::uint64_t seed) {
  std::vector<std::uint64_t> bits(dimensions, 0);
  if (index > 0 && dimensions > 0) {
    boost::random::sobol sequence(dimensions);  // leaves out the origin
    sequence.discard((index - 1) * dimensions);
    for (std::uint64_t& value : bits) value = sequence();
  }
  std::vector<double> point;
  for (std::size_t i = 0; i < dimensions; ++i) {
    point.push_back(unit(seed == 0 ? bits[i] : bits[i] ^ word(seed, i, 0, base::name_hash("sobol shift"))));
  }
  return point;
}

}  // namespace trireme::launcher
