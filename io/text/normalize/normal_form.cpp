#include "io/text/normalize/normal_form.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.hpp"

namespace trireme::text {
namespace {

struct Element {
  std::uint32_t value;
  unsigned combining_class;
};

constexpr std::uint16_t kChanged = kChangedByNfd | kChangedByNfkd;

unsigned combining_class(std::uint32_t c, std::uint16_t traits) {
  if (!(traits & kReordered)) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

/// Appends the full decomposition of `c`, marks not yet in order.
void decompose(std::uint32_t c, bool compatibility, const CodePointTraits& traits, std::vector<Element>& elements) {
  const std::uint16_t changed = compatibility ? kChanged : std::uint16_t{kChangedByNfd};
  if (!(traits[c] & changed)) {
    elements.push_back({c, combining_class(c, traits[c])});
    return;
  }
  std::array<utf8proc_int32_t, 32> parts;  // the longest decomposition has 18 characters
  int boundary = 0;
  const unsigned options = unsigned{UTF8PROC_DECOMPOSE} | (compatibility ? unsigned{UTF8PROC_COMPAT} : 0U);
  const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(),
                                                         static_cast<utf8proc_ssize_t>(parts.size()),
                                                         static_cast<utf8proc_option_t>(options), &boundary);
  if (count < 0 || count > static_cast<utf8proc_ssize_t>(parts.size())) {
    throw base::Error(base::str("utf8proc cannot decompose code point ", c, ": ", utf8proc_errmsg(count)));
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    const auto part = static_cast<std::uint32_t>(parts[static_cast<std::size_t>(i)]);
    elements.push_back({part, combining_class(part, traits[part])});
  }
}

/// The primary composite of two characters, or 0.
std::uint32_t composite(std::uint32_t first, std::uint32_t second, const CodePointTraits& traits) {
  if (!(traits[second] & kSecond)) return 0;
  std::array<utf8proc_int32_t, 2> pair{static_cast<utf8proc_int32_t>(first), static_cast<utf8proc_int32_t>(second)};
  const auto options = static_cast<utf8proc_option_t>(unsigned{UTF8PROC_STABLE} | unsigned{UTF8PROC_COMPOSE});
  if (utf8proc_normalize_utf32(pair.data(), 2, options) != 1) return 0;
  const auto joined = static_cast<std::uint32_t>(pair[0]);
  return traits[joined] & kChangedByNfd ? joined : 0;
}

void order_marks(std::vector<Element>& elements) {
  const auto is_starter = [](const Element& element) { return element.combining_class == 0; };
  for (auto begin = elements.begin(); begin != elements.end();) {
    begin = std::find_if_not(begin, elements.end(), is_starter);
    const auto end = std::find_if(begin, elements.end(), is_starter);
    std::stable_sort(begin, end,
                     [](const Element& a, const Element& b) { return a.combining_class < b.combining_class; });
    begin = end;
  }
}

/// Joins each character to the last starter unless one of its class, or a starter, stands between them.
void compose(std::vector<Element>& elements, const CodePointTraits& traits) {
  std::size_t kept = 0, starter = 0;
  bool has_starter = false;
  for (const Element element : elements) {
    const bool adjacent = has_starter && kept == starter + 1;
    const bool blocked = !has_starter || (!adjacent && elements[kept - 1].combining_class >= element.combining_class);
    if (!blocked) {
      if (const std::uint32_t joined = composite(elements[starter].value, element.value, traits)) {
        elements[starter].value = joined;
        continue;
      }
    }
    if (element.combining_class == 0) {
      starter = kept;
      has_starter = true;
    }
    elements[kept++] = element;
  }
  elements.resize(kept);
}

}  // namespace

NormalForm::NormalForm(bool compose, bool compatibility)
    : traits_(CodePointTraits::get()), compose_(compose), compatibility_(compatibility) {
  const CodePointTrait changed =
      compose ? (compatibility ? kChangedByNfkc : kChangedByNfc) : (compatibility ? kChangedByNfkd : kChangedByNfd);
  const unsigned joined = compose ? unsigned{kSecond} : 0U;
  active_ = static_cast<std::uint16_t>(unsigned{kReordered} | unsigned{changed} | joined);
}

bool NormalForm::apply(std::string_view text, std::string& out) const {
  const char* const end = text.data() + text.size();
  const char* taken = text.data();  // what `out` holds already
  const char* last = text.data();   // the character before p, which the one at p may join
  bool changed = false;
  for (const char* p = text.data(); p < end;) {
    if (static_cast<unsigned char>(*p) < 0x80) {
      last = p++;
      continue;
    }
    std::uint32_t length;
    if (!(traits_.at(p, length) & active_)) {
      last = p;
      p += length;
      continue;
    }
    // A segment: the character before, if there is one, and all up to the next inactive one.
    const char* stop = p;
    while (stop < end && (traits_.at(stop, length) & active_)) stop += length;
    if (!changed) {
      out.clear();
      out.reserve(text.size() + text.size() / 8);
    }
    changed = true;
    out.append(taken, last);
    append_segment({last, static_cast<std::size_t>(stop - last)}, out);
    taken = p = last = stop;
  }
  if (!changed) return false;
  out.append(taken, end);
  return true;
}

void NormalForm::append_segment(std::string_view segment, std::string& out) const {
  std::vector<Element> elements;
  for (std::size_t i = 0; i < segment.size();) {
    const CodePoint point = decode_code_point(segment.data() + i);
    decompose(point.value, compatibility_, traits_, elements);
    i += point.length;
  }
  order_marks(elements);
  if (compose_) compose(elements, traits_);
  for (const Element& element : elements) append_code_point(element.value, out);
}

}  // namespace trireme::text
