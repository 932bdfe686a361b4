#include "models/spec/families/hub_reader.hpp"

#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "base/printable.hpp"

namespace trireme::spec {

using base::InputError;
using base::Json;
using base::str;

namespace {

constexpr std::size_t kMostShown = 60;

std::string shortened(std::string text) {
  if (text.size() > kMostShown) text = text.substr(0, kMostShown) + "…";
  return base::printable(text);
}

/// Scalars only: an object may be deeper than the stack.
std::string scalar_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// transformers writes notes to itself under such names: _name_or_path, _commit_hash, _attn_implementation.
bool is_private(const std::string& field) { return field.starts_with('_'); }

bool says_nothing(const Json& value) {
  if (value.is_null()) return true;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return value.is_structured() && value.empty();
}

}  // namespace

std::string shown(const Json& value) {
  if (value.is_object()) return "{…}";
  if (!value.is_array()) return shortened(scalar_text(value));
  std::string text = "[";
  for (const Json& item : value) {
    if (text.size() > 1) text += ", ";
    text += item.is_structured() ? "…" : scalar_text(item);
    if (text.size() > kMostShown) break;
  }
  return shortened(text + ']');
}

HubReader::HubReader(const Json& object, std::string name, std::string path)
    : object_(object), name_(std::move(name)), path_(std::move(path)) {
  if (object.is_object()) return;
  const std::string what = path_.empty() ? "the content" : path_.substr(0, path_.size() - 1);
  throw InputError(str(name_, ": ", what, " is no JSON object but ", shown(object)));
}

const Json* HubReader::find(const std::string& field) {
  known_.insert(field);
  const auto found = object_.find(field);
  return found == object_.end() ? nullptr : &*found;
}

bool HubReader::missing(const std::string& field) {
  const Json* value = find(field);
  return value == nullptr || value->is_null();
}

const Json& HubReader::require(const std::string& field) {
  const Json* value = find(field);
  if (value == nullptr) throw InputError(str(name_, ": the field ", path_, field, " is missing"));
  return *value;
}

std::int64_t HubReader::size(const std::string& field, std::int64_t least) {
  const Json& value = require(field);
  const bool whole = value.is_number_integer();
  // An unsigned number beyond 63 bits is negative when it is read as a signed one.
  const std::int64_t number = whole ? value.get<std::int64_t>() : -1;
  if (!whole || number < least || number > kMostHubSize) {
    refuse(field, str("a whole number from ", least, " to ", kMostHubSize, " is expected"));
  }
  return number;
}

double HubReader::number(const std::string& field) {
  const Json& value = require(field);
  const double number = value.is_number() ? value.get<double>() : 0;
  if (!(number > 0 && std::isfinite(number))) refuse(field, "a number above 0 is expected");
  return number;
}

bool HubReader::flag(const std::string& field) {
  const Json& value = require(field);
  if (!value.is_boolean()) refuse(field, "true or false is expected");
  return value.get<bool>();
}

std::string HubReader::word(const std::string& field) {
  const Json& value = require(field);
  if (!value.is_string()) refuse(field, "a text is expected");
  return value.get<std::string>();
}

std::vector<std::string> HubReader::words(const std::string& field) {
  const Json& value = require(field);
  if (!value.is_array()) refuse(field, "a list of texts is expected");
  std::vector<std::string> words;
  for (const Json& item : value) {
    if (!item.is_string()) refuse(field, "a list of texts is expected");
    words.push_back(item.get<std::string>());
  }
  return words;
}

std::vector<std::int64_t> HubReader::sizes(const std::string& field) {
  const Json& value = require(field);
  if (!value.is_array()) refuse(field, "a list of whole numbers is expected");
  std::vector<std::int64_t> sizes;
  for (const Json& item : value) {
    const std::int64_t size = item.is_number_integer() ? item.get<std::int64_t>() : -1;
    if (size < 0 || size > kMostHubSize) refuse(field, "a list of whole numbers is expected");
    sizes.push_back(size);
  }
  return sizes;
}

HubReader HubReader::object(const std::string& field) { return {require(field), name_, path_ + field + '.'}; }

void HubReader::refuse(const std::string& field, const std::string& what) {
  throw InputError(str(name_, ": ", path_, field, " = ", shown(require(field)), ": ", what));
}

void HubReader::refuse(const std::string& what) const { throw InputError(str(name_, ": ", what)); }

void HubReader::refuse_unread(const std::string& of) const {
  for (auto it = object_.begin(); it != object_.end(); ++it) {
    if (known_.contains(it.key()) || is_private(it.key()) || says_nothing(it.value())) continue;
    throw InputError(str(name_, ": the field ", path_, shortened(it.key()), " = ", shown(it.value()),
                         " is not among those that Trireme knows in ", of,
                         ": what it does to the numbers is unknown. Remove it if it does nothing"));
  }
}

}  // namespace trireme::spec
