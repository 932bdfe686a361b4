// Upper and lower case as Python's str has them, from tables that scripts/python_case_table.py writes.
#include <algorithm>
#include <iterator>

#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

// The characters first, first + step, …, last become themselves + shift.
struct Run {
  std::uint32_t first, last, step;
  std::int32_t shift;
};

// The character becomes up to three; unused ones are 0.
struct Several {
  std::uint32_t point, first, second, third;
};

// The characters first, first + step, …, last.
struct Set {
  std::uint32_t first, last, step;
};

constexpr Run kUpperRuns[] = {
#define TRIREME_UPPER_RUNS
#include "io/jinja/python_case.inc"
#undef TRIREME_UPPER_RUNS
};
constexpr Run kLowerRuns[] = {
#define TRIREME_LOWER_RUNS
#include "io/jinja/python_case.inc"
#undef TRIREME_LOWER_RUNS
};
constexpr Run kTitleRuns[] = {
#define TRIREME_TITLE_RUNS
#include "io/jinja/python_case.inc"
#undef TRIREME_TITLE_RUNS
};
constexpr Several kUpperSeveral[] = {
#define TRIREME_UPPER_SEVERAL
#include "io/jinja/python_case.inc"
#undef TRIREME_UPPER_SEVERAL
};
constexpr Several kLowerSeveral[] = {
#define TRIREME_LOWER_SEVERAL
#include "io/jinja/python_case.inc"
#undef TRIREME_LOWER_SEVERAL
};
constexpr Several kTitleSeveral[] = {
#define TRIREME_TITLE_SEVERAL
#include "io/jinja/python_case.inc"
#undef TRIREME_TITLE_SEVERAL
};
constexpr Set kUppercase[] = {
#define TRIREME_UPPERCASE
#include "io/jinja/python_case.inc"
#undef TRIREME_UPPERCASE
};
constexpr Set kLowercase[] = {
#define TRIREME_LOWERCASE
#include "io/jinja/python_case.inc"
#undef TRIREME_LOWERCASE
};
constexpr Set kTitlecase[] = {
#define TRIREME_TITLECASE
#include "io/jinja/python_case.inc"
#undef TRIREME_TITLECASE
};
constexpr Set kCaseIgnorable[] = {
#define TRIREME_CASE_IGNORABLE
#include "io/jinja/python_case.inc"
#undef TRIREME_CASE_IGNORABLE
};
constexpr Set kPrintable[] = {
#define TRIREME_PRINTABLE
#include "io/jinja/python_case.inc"
#undef TRIREME_PRINTABLE
};

// The run that holds `point`, or null. Runs of step 2 overlap others, so the one before the last that begins is asked,
// too.
template <typename Kind, std::size_t n>
const Kind* run_of(const Kind (&runs)[n], std::uint32_t point) {
  const auto* run = std::ranges::upper_bound(runs, point, {}, &Kind::first);
  for (int tries = 0; tries < 2 && run != std::begin(runs); ++tries) {
    --run;
    if (point <= run->last && (point - run->first) % run->step == 0) return run;
  }
  return nullptr;
}

template <std::size_t n>
bool within(const Set (&sets)[n], std::uint32_t point) {
  return run_of(sets, point) != nullptr;
}

bool is_cased(std::uint32_t point) {
  return within(kLowercase, point) || within(kUppercase, point) || within(kTitlecase, point);
}

template <std::size_t runs, std::size_t several>
void append_mapped(const Run (&one)[runs], const Several (&more)[several], std::uint32_t point, std::string& out) {
  const auto* const special = std::ranges::lower_bound(more, point, {}, &Several::point);
  if (special != std::end(more) && special->point == point) {
    for (const std::uint32_t mapped : {special->first, special->second, special->third}) {
      if (mapped != 0) append_code_point(mapped, out);
    }
    return;
  }
  if (const Run* const run = run_of(one, point)) {
    append_code_point(static_cast<std::uint32_t>(static_cast<std::int64_t>(point) + run->shift), out);
    return;
  }
  append_code_point(point, out);
}

void append_upper(std::uint32_t point, std::string& out) { append_mapped(kUpperRuns, kUpperSeveral, point, out); }
void append_title(std::uint32_t point, std::string& out) { append_mapped(kTitleRuns, kTitleSeveral, point, out); }

constexpr std::uint32_t kCapitalSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2;

std::uint32_t last_code_point(std::string_view text, std::size_t& end) {
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  std::size_t at = end;
  return next_code_point(text, at);
}

// Whether the capital sigma between the two ends a word (Unicode 16.0, table 3-17).
bool ends_word(std::string_view before, std::string_view behind) {
  bool cased = false;
  for (std::size_t end = before.size(); end > 0;) {
    const std::uint32_t point = last_code_point(before, end);
    if (within(kCaseIgnorable, point)) continue;
    cased = is_cased(point);
    break;
  }
  if (!cased) return false;
  for (std::size_t at = 0; at < behind.size();) {
    const std::uint32_t point = next_code_point(behind, at);
    if (!within(kCaseIgnorable, point)) return !is_cased(point);
  }
  return true;
}

// Lower case of the character at [begin, end) of `text`.
void append_lower(std::string_view text, std::size_t begin, std::size_t end, std::uint32_t point, std::string& out) {
  if (point == kCapitalSigma) {
    append_code_point(ends_word(text.substr(0, begin), text.substr(end)) ? kFinalSigma : kSmallSigma, out);
  } else {
    append_mapped(kLowerRuns, kLowerSeveral, point, out);
  }
}

// Whether some character is in `wanted`, and no other one is cased.
template <std::size_t n>
bool all_cased_are(const Set (&wanted)[n], std::string_view text) {
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::uint32_t point = next_code_point(text, at);
    const bool fits = within(wanted, point);
    if (!fits && is_cased(point)) return false;
    any |= fits;
  }
  return any;
}

}  // namespace

std::string upper(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) append_upper(next_code_point(text, at), result);
  return result;
}

std::string lower(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = next_code_point(text, at);
    append_lower(text, begin, at, point, result);
  }
  return result;
}

std::string title(std::string_view text) {
  std::string result;
  bool inside = false;  // a word
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = next_code_point(text, at);
    if (inside) {
      append_lower(text, begin, at, point, result);
    } else {
      append_title(point, result);
    }
    inside = is_cased(point);
  }
  return result;
}

std::string capitalize(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = next_code_point(text, at);
    if (begin == 0) {
      append_title(point, result);
    } else {
      append_lower(text, begin, at, point, result);
    }
  }
  return result;
}

bool is_upper(std::string_view text) { return all_cased_are(kUppercase, text); }
bool is_lower(std::string_view text) { return all_cased_are(kLowercase, text); }
bool is_printable(std::uint32_t point) { return within(kPrintable, point); }

}  // namespace trireme::jinja
