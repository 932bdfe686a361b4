#include "launcher/options/boost_version.hpp"

#include <boost/version.hpp>

#include "base/error.hpp"

namespace trireme::options {

std::string boost_version() {
  return base::str(BOOST_VERSION / 100000, ".", BOOST_VERSION / 100 % 1000, ".", BOOST_VERSION % 100);
}

}  // namespace trireme::options
