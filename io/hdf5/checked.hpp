// Checks the results of libhdf5 calls in one place. Private to io/hdf5.
#pragma once

#include <hdf5.h>

#include <string>
#include <type_traits>

#include "io/hdf5/handle.hpp"

namespace trireme::hdf5 {

static_assert(std::is_same_v<Id, std::int64_t> && sizeof(hid_t) == sizeof(Id), "hid_t is 64 bits since HDF5 1.10");

/// Throws Hdf5Error: "cannot <action> <object>: <the innermost and outermost text of the error stack>".
[[noreturn]] void fail(const char* action, const std::string& object);

/// Returns the result of a libhdf5 call unless it is negative, which means failure in all its calls.
template <typename T>
T checked(T result, const char* action, const std::string& object) {
  if (result < 0) fail(action, object);
  return result;
}

/// Makes an owned handle of an identifier that a libhdf5 call returned.
inline Handle owned(hid_t id, herr_t (*close)(hid_t), const char* action, const std::string& object) {
  return Handle(checked(id, action, object), close);
}

/// Stops libhdf5 from printing errors itself.
void keep_quiet();

}  // namespace trireme::hdf5
