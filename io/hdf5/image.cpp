#include "io/hdf5/image.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace trireme::hdf5 {

void Image::write(std::uint64_t offset, const void* data, std::size_t length) {
  if (length == 0) return;
  const std::uint64_t end = offset + length;
  // The extent that begins at or before `offset` takes the bytes if it reaches that far; otherwise a new extent does.
  auto target = extents_.upper_bound(offset);
  if (target != extents_.begin() && std::prev(target)->first + std::prev(target)->second.size() >= offset) {
    --target;
  } else {
    target = extents_.emplace_hint(target, offset, std::vector<std::byte>());
  }
  auto& bytes = target->second;
  const std::size_t start = offset - target->first;
  if (bytes.size() < start + length) bytes.resize(start + length);
  // Extents that the grown one reaches are joined to it.
  for (auto next = std::next(target); next != extents_.end() && next->first <= end; next = extents_.erase(next)) {
    const std::size_t at = next->first - target->first;
    if (bytes.size() < at + next->second.size()) bytes.resize(at + next->second.size());
    std::copy(next->second.begin(), next->second.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  std::memcpy(bytes.data() + start, data, length);
  length_ = std::max(length_, end);
}

void Image::read(std::uint64_t offset, void* data, std::size_t length) const {
  std::memset(data, 0, length);
  const std::uint64_t end = offset + length;
  auto it = extents_.upper_bound(offset);
  if (it != extents_.begin()) --it;
  for (; it != extents_.end() && it->first < end; ++it) {
    const std::uint64_t first = std::max(offset, it->first);
    const std::uint64_t last = std::min(end, it->first + it->second.size());
    if (first < last) {
      std::memcpy(static_cast<std::byte*>(data) + (first - offset), it->second.data() + (first - it->first),
                  last - first);
    }
  }
}

void Image::set_length(std::uint64_t length) {
  length_ = length;
  extents_.erase(extents_.lower_bound(length), extents_.end());
  if (!extents_.empty()) {
    auto& [offset, bytes] = *std::prev(extents_.end());
    if (offset + bytes.size() > length) bytes.resize(length - offset);
  }
}

void Image::write_to(base::File& file) const {
  for (const auto& [offset, bytes] : extents_) file.pwrite(bytes.data(), bytes.size(), offset);
}

}  // namespace trireme::hdf5
