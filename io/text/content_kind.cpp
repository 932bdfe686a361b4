#include "io/text/content_kind.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/error.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

using namespace std::string_view_literals;

struct Format {
  std::size_t offset;
  std::string_view bytes;
  const char* what;
};

constexpr const char* kConvertUtf16 = ": convert it (iconv -f UTF-16 -t UTF-8 FILE > NEW)";
constexpr const char* kConvertUtf32 = ": convert it (iconv -f UTF-32 -t UTF-8 FILE > NEW)";

// Longer beginnings must stand before shorter ones.
constexpr Format kFormats[] = {
    {0, "\xFF\xFE\0\0"sv, "is UTF-32 text"},
    {0, "\0\0\xFE\xFF"sv, "is UTF-32 text"},
    {0, "\xFF\xFE"sv, "is UTF-16 text"},
    {0, "\xFE\xFF"sv, "is UTF-16 text"},
    {0, "TRMTOKEN"sv, "is a token dataset already: name it in data.train"},
    {0, "\x89HDF\r\n\x1A\n"sv, "is an HDF5 file: write its text as JSONL first"},
    {0, "PAR1"sv,
     "is a Parquet file: write its text as JSONL first (Python: pandas.read_parquet(…).to_json(…, "
     "orient=\"records\", lines=True))"},
    {0, "ARROW1"sv, "is an Arrow file: write its text as JSONL first"},
    {0, "PK\3\4"sv, "is a zip archive: unzip it and name the files"},
    {0, "PK\5\6"sv, "is an empty zip archive"},
    {0,
     "\xFD"
     "7zXZ\0"sv,
     "is xz data: decompress it on the way (xz -dc FILE | trireme … -)"},
    {0, "BZh"sv, "is bzip2 data: decompress it on the way (bzip2 -dc FILE | trireme … -)"},
    {0, "\x04\x22\x4D\x18"sv, "is lz4 data: decompress it on the way (lz4 -dc FILE | trireme … -)"},
    {0, "\x1F\x8B"sv, "is compressed twice (gzip inside): undo the outer one first"},
    {0, "\x28\xB5\x2F\xFD"sv, "is compressed twice (zstd inside): undo the outer one first"},
    {0, "7z\xBC\xAF\x27\x1C"sv, "is a 7z archive: unpack it and name the files"},
    {0, "Rar!\x1A\x07"sv, "is a rar archive: unpack it and name the files"},
    {257, "ustar"sv, "is a tar archive: unpack it and name the directory"},
    {0,
     "\x7F"
     "ELF"sv,
     "is a program (ELF), not text"},
    {0, "\x89PNG\r\n\x1A\n"sv, "is a PNG image, not text"},
    {0, "\xFF\xD8\xFF"sv, "is a JPEG image, not text"},
    {0, "GIF87a"sv, "is a GIF image, not text"},
    {0, "GIF89a"sv, "is a GIF image, not text"},
    {0, "%PDF-"sv, "is a PDF file: extract its text first (pdftotext)"},
    {0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "is an old Office document: save it as text first"},
    {0, "SQLite format 3\0"sv, "is an SQLite database: write its text as JSONL first"},
    {0, "\x93NUMPY"sv, "is a NumPy array, not text"},
};

bool begins_bzip2(std::string_view head) {
  const auto rest = head.substr(std::min<std::size_t>(head.size(), 4));
  return head.size() > 4 && head[3] >= '1' && head[3] <= '9' &&
         (rest.starts_with("1AY&SY") || rest.starts_with("\x17rE8P\x90"));
}

/// Counts NUL bytes by their position modulo 4.
std::array<std::size_t, 4> nuls_by_position(std::string_view head) {
  std::array<std::size_t, 4> counts{};
  for (std::size_t i = 0; i < head.size(); ++i) counts[i % 4] += head[i] == '\0' ? 1 : 0;
  return counts;
}

/// Recognises mostly Latin text in two or four bytes a character: NULs in the high bytes, hardly any in the low one.
std::string wide_text(const std::array<std::size_t, 4>& nuls, std::size_t size) {
  const std::size_t units = size / 4;
  const auto many = [&](std::size_t i) { return nuls[i] * 10 >= units * 4; };
  const auto few = [&](std::size_t i) { return nuls[i] * 20 <= units; };
  if (units < 4) return "";
  if ((many(1) && many(2) && many(3) && few(0)) || (many(0) && many(1) && many(2) && few(3))) {
    return base::str("looks like UTF-32 text", kConvertUtf32);
  }
  if (many(1) && many(3) && few(0) && few(2)) return base::str("looks like UTF-16LE text", kConvertUtf16);
  if (many(0) && many(2) && few(1) && few(3)) return base::str("looks like UTF-16BE text", kConvertUtf16);
  return "";
}

bool is_odd_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 && c != '\0' && c != '\b' && c != '\x1B' && (c < '\t' || c > '\r');
}

}  // namespace

std::string known_binary(std::string_view head) {
  if (head.size() > 8 && head.substr(3, 6) == "\0\0\0\0\0{"sv) return "is a safetensors file, not text";
  for (const Format& format : kFormats) {
    if (head.size() < format.offset || !head.substr(format.offset).starts_with(format.bytes)) continue;
    if (format.bytes == "BZh"sv && !begins_bzip2(head)) continue;
    const std::string_view what = format.what;
    return base::str(what, what.ends_with("UTF-16 text")   ? kConvertUtf16
                           : what.ends_with("UTF-32 text") ? kConvertUtf32
                                                           : "");
  }
  return "";
}

std::string likely_binary(std::string_view head) {
  const std::size_t size = head.size();
  const auto nuls = nuls_by_position(head);
  const std::size_t all_nuls = nuls[0] + nuls[1] + nuls[2] + nuls[3];
  if (std::string wide = wide_text(nuls, size); !wide.empty()) return wide;
  if (all_nuls >= 8 && all_nuls * 100 > size) {
    return base::str("looks like a binary file: ", all_nuls, " of its first ", size, " bytes are NUL");
  }
  const auto controls = static_cast<std::size_t>(std::count_if(head.begin(), head.end(), is_odd_control));
  if (controls >= 16 && controls * 10 > size) {
    return base::str("looks like a binary file: ", controls, " of its first ", size, " bytes are control characters");
  }
  std::string valid;
  std::size_t unused = 0;
  const std::uint64_t invalid = append_valid_utf8(head, false, valid, &unused);
  if (invalid >= 64 && invalid * 4 > size) {
    return base::str("is not UTF-8 text: over a quarter of its first ", size,
                     " bytes are invalid; if it is text in another encoding (Latin-1, GBK, Shift JIS, …), convert it "
                     "(iconv -f ENCODING -t UTF-8 FILE > NEW)");
  }
  return "";
}

JsonShape json_shape(std::string_view head, bool whole) {
  constexpr std::string_view kBlank = " \t\r\n";
  if (head.starts_with(kUtf8Mark)) head.remove_prefix(kUtf8Mark.size());
  const std::size_t begin = head.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return JsonShape::kNone;
  if (head[begin] == '[') return JsonShape::kArray;
  if (head[begin] != '{') return JsonShape::kNone;
  const std::size_t newline = head.find('\n', begin);
  const std::string_view line = head.substr(begin, newline - begin);
  const std::size_t inside = line.find_first_not_of(" \t", 1);
  const bool longer = newline == std::string_view::npos && !whole;
  if (inside != std::string_view::npos && (line[inside] == '"' || line[inside] == '}') &&
      (longer || line[line.find_last_not_of(kBlank)] == '}')) {
    return JsonShape::kLines;
  }
  // A text may begin with "{ braces }", but the first member of a JSON object begins with a string.
  const std::size_t member = head.find_first_not_of(kBlank, begin + 1);
  return member != std::string_view::npos && head[member] == '"' ? JsonShape::kObject : JsonShape::kNone;
}

}  // namespace trireme::text
