#include "base/own_program.hpp"

namespace trireme::base {

std::filesystem::path own_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

}  // namespace trireme::base
