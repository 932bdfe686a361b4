#include "base/free_ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "base/error.hpp"

namespace trireme::base {
namespace {

bool can_be_bound(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = descriptor >= 0 && ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (descriptor >= 0) ::close(descriptor);
  return bound;
}

}  // namespace

std::vector<int> free_ports(std::size_t count) {
  constexpr int kFirst = 20000, kPorts = 12000;
  std::random_device device;
  const int start = static_cast<int>(device() % kPorts);
  std::vector<int> ports;
  for (int i = 0; i < kPorts && ports.size() < count; ++i) {
    const int port = kFirst + (start + i) % kPorts;
    if (can_be_bound(port)) ports.push_back(port);
  }
  if (ports.size() < count) throw Error(str("no ", count, " free ports from ", kFirst, " on"));
  return ports;
}

}  // namespace trireme::base
