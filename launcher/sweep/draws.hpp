// Where in the unit cube a trial lies: a pure function of its number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::launcher {

/// A number in [0, 1) for the parameter `name` of trial `trial`. `attempt` counts the draws that constraints refused.
double random_place(std::uint64_t seed, std::uint64_t trial, std::uint64_t attempt, const std::string& name);

/// The most parameters that a Sobol sweep may have.
inline constexpr std::size_t kMostSobolDimensions = 3667;

/// Point `index` of Sobol's sequence with Joe and Kuo's direction numbers (new-joe-kuo-6.21201), as
/// scipy.stats.qmc.Sobol(scramble=False) counts them: point 0 is the origin. A seed other than 0 shifts all points
/// digit by digit (exclusive or), which keeps their even spread.
std::vector<double> sobol_point(std::uint64_t index, std::size_t dimensions, std::uint64_t seed = 0);

}  // namespace trireme::launcher
