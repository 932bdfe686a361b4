#include "io/hdf5/handle.hpp"

#include <utility>

#include "io/hdf5/checked.hpp"

namespace trireme::hdf5 {
namespace {

struct StackText {
  std::string first;
  std::string last;
};

herr_t collect(unsigned, const H5E_error2_t* entry, void* data) {
  auto* text = static_cast<StackText*>(data);
  if (entry->desc != nullptr && entry->desc[0] != '\0') {
    if (text->first.empty()) text->first = entry->desc;
    text->last = entry->desc;
  }
  return 0;
}

}  // namespace

std::unique_lock<std::mutex> exclusive_use() {
  static std::mutex mutex;
  return std::unique_lock(mutex);
}

void fail(const char* action, const std::string& object) {
  StackText text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &text);
  H5Eclear2(H5E_DEFAULT);
  std::string reason = text.first.empty() ? "HDF5 gives no reason" : text.first;
  if (text.last != text.first) reason += " (" + text.last + ")";
  throw Hdf5Error(base::str("cannot ", action, " ", object, ": ", reason));
}

void keep_quiet() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

Handle::Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}

Handle& Handle::operator=(Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(close_, other.close_);
  return *this;
}

Handle::~Handle() {
  if (id_ >= 0) close_(id_);
}

void Handle::close(const std::string& object) {
  const Id id = std::exchange(id_, -1);
  if (id >= 0) checked(close_(id), "close", object);
}

}  // namespace trireme::hdf5
