#include "base/random_name.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace trireme::base {

std::string random_name() {
  std::array<unsigned char, 8> bytes{};
  if (::getentropy(bytes.data(), bytes.size()) != 0) {
    throw Error(str("the kernel gives no random numbers: ", std::strerror(errno)));
  }
  std::string name;
  for (const unsigned char byte : bytes) {
    name += "0123456789abcdef"[byte >> 4];
    name += "0123456789abcdef"[byte & 15];
  }
  return name;
}

}  // namespace trireme::base
