#include "io/checkpoint/format/box_data.hpp"

#include <algorithm>
#include <tuple>

#include "base/error.hpp"
#include "io/checkpoint/format/box_table_layout.hpp"

namespace trireme::checkpoint {

bool TensorOrder::operator()(const TensorKey& a, const TensorKey& b) const {
  const auto place = [](const TensorKey& key) { return std::tuple(key.first != kParam, key.first, key.second); };
  return place(a) < place(b);
}

std::string label(std::string_view slot, std::string_view tensor) { return base::str(slot, " ", tensor); }

bool is_tensor_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

bool is_stored_type(DataType type) { return std::ranges::find(kStoredTypes, type) != kStoredTypes.end(); }

bool is_loaded_type(DataType type) { return is_stored_type(type) || type == DataType::kBFloat16; }

}  // namespace trireme::checkpoint
