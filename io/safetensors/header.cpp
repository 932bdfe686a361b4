#include "io/safetensors/header.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/safetensors/header_parser.hpp"

namespace trireme::safetensors {
namespace {

using base::InputError;
using base::str;

constexpr std::uint64_t kMost = std::uint64_t{1} << 62;

/// Bytes of a tensor. Throws when they are no whole number or more than any file holds.
std::uint64_t size_of(const Tensor& tensor, const std::string& file) {
  // A dim of 0 makes the tensor empty whatever the others are; the others must not overflow all the same.
  std::uint64_t elements = 1;
  bool empty = false;
  for (const std::int64_t size : tensor.shape) {
    if (size == 0) {
      empty = true;
    } else if (static_cast<std::uint64_t>(size) > kMost / elements) {
      throw InputError(str(file, ": tensor ", tensor.name, " has a shape whose product is too large"));
    } else {
      elements *= static_cast<std::uint64_t>(size);
    }
  }
  if (empty) return 0;
  const auto bits = static_cast<std::uint64_t>(bits_of(tensor.type));
  if (elements > kMost / bits) throw InputError(str(file, ": tensor ", tensor.name, " has too many elements"));
  if (elements * bits % 8 != 0) {
    throw InputError(str(file, ": tensor ", tensor.name, " of ", name_of(tensor.type), " does not fill whole bytes"));
  }
  return elements * bits / 8;
}

void check_places(const Header& header, std::uint64_t data_bytes, const std::string& file) {
  std::uint64_t at = 0;
  const std::string* before = nullptr;
  for (const Tensor& tensor : header.tensors) {
    const auto refuse = [&](const std::string& problem) {
      throw InputError(str(file, ": tensor ", tensor.name, " ", problem, ": the file is damaged, fetch it again"));
    };
    if (tensor.end < tensor.begin) refuse("ends before it begins");
    if (tensor.end > data_bytes) {
      refuse(str("ends at byte ", tensor.end, " of the data, of which the file has ", data_bytes));
    }
    if (tensor.begin < at) refuse(str("overlaps ", before == nullptr ? "another one" : *before));
    if (tensor.begin > at) refuse(str("begins at byte ", tensor.begin, ", after a hole from byte ", at));
    const std::uint64_t size = size_of(tensor, file);
    if (tensor.bytes() != size) {
      refuse(str("takes ", tensor.bytes(), " bytes, and its type and shape say ", size));
    }
    at = tensor.end;
    before = &tensor.name;
  }
  if (at == data_bytes) return;
  throw InputError(str(file, ": the tensors end at byte ", at, " of the data, and the file has ", data_bytes,
                       " bytes of it: it is damaged, fetch it again"));
}

void check_names(const Header& header, const std::string& file) {
  std::unordered_set<std::string_view> names;
  names.reserve(header.tensors.size());
  for (const Tensor& tensor : header.tensors) {
    if (!names.insert(tensor.name).second) throw InputError(str(file, ": tensor ", tensor.name, " is there twice"));
  }
}

std::string quoted(const std::string& text) { return base::Json(text).dump(); }

template <typename Numbers>
std::string list(const Numbers& numbers) {
  std::string text = "[";
  for (const auto number : numbers) text += (text.size() > 1 ? "," : "") + std::to_string(number);
  return text + "]";
}

}  // namespace

Header parse_header(std::string_view text, std::uint64_t data_bytes, const std::string& file) {
  Header header = parse_header_text(text, file);
  // Empty tensors share their offset with the next one; they keep the order of the text.
  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const Tensor& a, const Tensor& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  check_names(header, file);
  check_places(header, data_bytes, file);
  return header;
}

std::string header_bytes(const Header& header) {
  std::string text(kLengthBytes, '\0');
  const auto next = [&] { return text.size() == kLengthBytes ? "{" : ","; };
  if (!header.metadata.empty()) {
    std::string members;
    for (const auto& [key, value] : header.metadata) {
      members += str(members.empty() ? "" : ",", quoted(key), ":", quoted(value));
    }
    text += str(next(), "\"__metadata__\":{", members, "}");
  }
  for (const Tensor& tensor : header.tensors) {
    const std::uint64_t offsets[] = {tensor.begin, tensor.end};
    text += str(next(), quoted(tensor.name), ":{\"dtype\":\"", name_of(tensor.type),
                "\",\"shape\":", list(tensor.shape), ",\"data_offsets\":", list(offsets), "}");
  }
  text += text.size() == kLengthBytes ? "{}" : "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::uint64_t length = text.size() - kLengthBytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i, length >>= 8) text[i] = static_cast<char>(length & 255);
  return text;
}

void place(std::vector<Tensor>& tensors) {
  std::uint64_t at = 0;
  for (Tensor& tensor : tensors) {
    tensor.begin = at;
    const std::uint64_t bytes = size_of(tensor, "the file to write");
    if (bytes > kMost - at) throw InputError(str("tensor ", tensor.name, " makes the file too long"));
    tensor.end = at += bytes;
  }
}

void sort_as_library(std::vector<Tensor>& tensors) {
  std::ranges::stable_sort(
      tensors, [](const Tensor& a, const Tensor& b) { return a.type != b.type ? a.type > b.type : a.name < b.name; });
}

}  // namespace trireme::safetensors
