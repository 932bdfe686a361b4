#include "io/safetensors/header_parser.hpp"

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.hpp"

namespace trireme::safetensors {
namespace {

using base::InputError;
using base::str;
using nlohmann::json;

constexpr std::int64_t kMost = std::int64_t{1} << 62;
/// Texts of `__metadata__` in all.
constexpr std::size_t kMaxMetadata = 65536;

/// Receives the parser's events. Each event is expected in certain places only, so nesting is bounded by the form.
class Receiver final : public json::json_sax_t {
 public:
  explicit Receiver(const std::string& file) : file_(file) {}

  Header take() {
    if (place_ != Place::kEnd) refuse("does not end");
    return std::move(header_);
  }

  bool null() override { return unexpected("null"); }
  bool boolean(bool /*value*/) override { return unexpected("true or false"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return unexpected("a fraction"); }
  bool number_integer(number_integer_t value) override {
    // nlohmann calls this for negative numbers only.
    refuse(str("has the number ", value, in_tensor()));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::kShape && place_ != Place::kOffsets) return unexpected("a number");
    if (value > static_cast<std::uint64_t>(kMost)) refuse(str("has the number ", value, in_tensor(), ": too large"));
    if (place_ == Place::kShape) {
      if (tensor().shape.size() == kMaxDims) refuse(str("has more than ", kMaxDims, " dims", in_tensor()));
      tensor().shape.push_back(static_cast<std::int64_t>(value));
    } else {
      if (offsets_ == 2) refuse(str("has more than two offsets", in_tensor()));
      (offsets_++ == 0 ? tensor().begin : tensor().end) = value;
    }
    return true;
  }
  bool string(string_t& value) override {
    if (place_ == Place::kMetadataValue) {
      header_.metadata.back().second = std::move(value);
      place_ = Place::kMetadata;
      return true;
    }
    if (place_ != Place::kType) return unexpected("a text");
    const auto type = element_type(value);
    if (!type) refuse(str("has the unknown type ", value, in_tensor()));
    tensor().type = *type;
    place_ = Place::kTensor;
    return true;
  }
  bool binary(binary_t& /*value*/) override { return unexpected("bytes"); }

  bool start_object(std::size_t /*elements*/) override {
    switch (place_) {
      case Place::kBegin: place_ = Place::kTop; return true;
      case Place::kMetadataBegin: place_ = Place::kMetadata; return true;
      case Place::kTensorBegin: place_ = Place::kTensor; return true;
      default: return unexpected("an object");
    }
  }
  bool key(string_t& name) override {
    if (place_ == Place::kTop) return begin_member(name);
    if (place_ == Place::kMetadata) return begin_metadata(name);
    return begin_part(name);
  }
  bool end_object() override {
    if (place_ == Place::kTensor && seen_ != 7) refuse(str("lacks dtype, shape or data_offsets", in_tensor()));
    place_ = place_ == Place::kTop ? Place::kEnd : Place::kTop;
    return true;
  }
  bool start_array(std::size_t /*elements*/) override {
    if (place_ == Place::kShapeBegin) {
      place_ = Place::kShape;
    } else if (place_ == Place::kOffsetsBegin) {
      place_ = Place::kOffsets;
    } else {
      return unexpected("a list");
    }
    return true;
  }
  bool end_array() override {
    if (place_ == Place::kOffsets && offsets_ != 2) refuse(str("has no two offsets", in_tensor()));
    place_ = Place::kTensor;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/, const json::exception& /*error*/) override {
    refuse(str("is no JSON at byte ", position));
  }

 private:
  enum class Place {
    kBegin,
    kTop,
    kMetadataBegin,
    kMetadata,
    kMetadataValue,
    kTensorBegin,
    kTensor,
    kType,
    kShapeBegin,
    kShape,
    kOffsetsBegin,
    kOffsets,
    kEnd,
  };
  static constexpr unsigned kHasType = 1;
  static constexpr unsigned kHasShape = 2;
  static constexpr unsigned kHasOffsets = 4;

  [[noreturn]] void refuse(const std::string& problem) const {
    throw InputError(str(file_, ": its header ", problem, ": it is no safetensors file that can be read"));
  }
  bool unexpected(const char* what) const { refuse(str("has ", what, " where there must be none", in_tensor())); }
  std::string in_tensor() const {
    const bool inside = place_ >= Place::kTensorBegin && place_ < Place::kEnd;
    return inside ? str(" in tensor ", header_.tensors.back().name) : "";
  }
  Tensor& tensor() { return header_.tensors.back(); }

  bool begin_member(std::string& name) {
    if (name == "__metadata__") {
      if (has_metadata_) refuse("has __metadata__ twice");
      has_metadata_ = true;
      place_ = Place::kMetadataBegin;
      return true;
    }
    if (header_.tensors.size() == kMaxTensors) refuse(str("names more than ", kMaxTensors, " tensors"));
    header_.tensors.push_back({.name = std::move(name), .type = {}, .shape = {}});
    seen_ = 0;
    offsets_ = 0;
    place_ = Place::kTensorBegin;
    return true;
  }
  bool begin_metadata(std::string& name) {
    if (header_.metadata.size() == kMaxMetadata) refuse("has too many texts in __metadata__");
    if (!metadata_names_.insert(name).second) refuse(str("has ", name, " twice in __metadata__"));
    header_.metadata.emplace_back(std::move(name), "");
    place_ = Place::kMetadataValue;
    return true;
  }
  bool begin_part(const std::string& name) {
    const auto [part, next] = name == "dtype"          ? std::pair(kHasType, Place::kType)
                              : name == "shape"        ? std::pair(kHasShape, Place::kShapeBegin)
                              : name == "data_offsets" ? std::pair(kHasOffsets, Place::kOffsetsBegin)
                                                       : std::pair(0U, Place::kEnd);
    if (part == 0) refuse(str("has the member ", name, in_tensor(), ", which is not known"));
    if ((seen_ & part) != 0) refuse(str("has ", name, " twice", in_tensor()));
    seen_ |= part;
    place_ = next;
    return true;
  }

  const std::string& file_;
  Header header_;
  Place place_ = Place::kBegin;
  bool has_metadata_ = false;
  unsigned seen_ = 0;  ///< the members of this tensor so far
  int offsets_ = 0;    ///< how many of its offsets were read
  std::unordered_set<std::string> metadata_names_;
};

}  // namespace

Header parse_header_text(std::string_view text, const std::string& file) {
  // The library wants the first byte to be this, so that no other format is taken for this one.
  if (text.empty() || text.front() != '{') {
    throw InputError(str(file, ": its header does not begin with {: it is no safetensors file"));
  }
  Receiver receiver(file);
  json::sax_parse(text.begin(), text.end(), &receiver);
  return receiver.take();
}

}  // namespace trireme::safetensors
