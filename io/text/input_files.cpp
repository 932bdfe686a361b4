#include "io/text/input_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "io/text/content_kind.hpp"
#include "io/text/text_source.hpp"

namespace trireme::text {
namespace {

constexpr std::array<std::string_view, 2> kCompressed = {".gz", ".zst"};
constexpr std::array<std::string_view, 2> kJsonl = {".jsonl", ".ndjson"};
constexpr std::array<std::string_view, 3> kText = {".txt", ".text", ".md"};

std::string lower(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// The one of `endings` that `name` (in lower case) has; "" for none.
template <std::size_t N>
std::string_view ending_among(std::string_view name, const std::array<std::string_view, N>& endings) {
  const auto found = std::find_if(endings.begin(), endings.end(), [&](auto ending) { return name.ends_with(ending); });
  return found == endings.end() ? std::string_view() : *found;
}

using Identity = std::pair<dev_t, ino_t>;

/// Walks through one directory input.
class Walk {
 public:
  explicit Walk(base::FileSystem& files) : files_(files) {}

  void directory(const std::string& path) {
    const auto info = look_at(path);
    if (!info || !seen_.insert({info->st_dev, info->st_ino}).second) {
      ++repeated_;
      return;
    }
    for (const std::string& name : files_.list(path)) {
      if (name.starts_with('.')) {
        ++hidden_;
      } else {
        entry((std::filesystem::path(path) / name).string(), name);
      }
    }
  }

  /// What was left out, as one line without its beginning; "" when nothing was.
  std::string left_out() const {
    std::string text;
    const auto add = [&text](const auto&... parts) { text += base::str(text.empty() ? "" : ", ", parts...); };
    for (const auto& [ending, count] : others_) add(count, " ", ending);
    if (hidden_ > 0) add(hidden_, " hidden");
    if (repeated_ > 0) add(repeated_, " reached a second time through links");
    return text;
  }
  std::vector<std::string> found;

 private:
  static std::optional<struct stat> look_at(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return std::nullopt;
    return info;
  }

  void entry(const std::string& path, const std::string& name) {
    const auto info = look_at(path);
    if (info && S_ISDIR(info->st_mode)) return directory(path);
    if (!info || !S_ISREG(info->st_mode)) {
      ++others_[info ? "that are no regular files" : "broken links"];
      return;
    }
    if (const std::string other = reason_against(path, name); !other.empty()) {
      ++others_[other];
    } else if (seen_.insert({info->st_dev, info->st_ino}).second) {
      found.push_back(path);
    } else {
      ++repeated_;
    }
  }

  /// Why the file is left out; "" for a file to read.
  std::string reason_against(const std::string& path, const std::string& name) {
    switch (named_kind(name)) {
      case NamedKind::kText:
      case NamedKind::kJsonl: return "";
      case NamedKind::kJson: break;
      case NamedKind::kOther: {
        const std::string ending = std::filesystem::path(lower(name)).extension().string();
        return ending.empty() ? "without an ending" : ending;
      }
    }
    try {
      const auto source = open_text_source(files_, path, {}, ContentCheck::kNone);
      const std::string_view head = source->peek(kJudgedBytes);
      return json_shape(head, head.size() < kJudgedBytes) == JsonShape::kLines ? "" : ".json not of one object a line";
    } catch (const base::Error&) {
      return "";  // the code that reads it reports what is wrong
    }
  }

  base::FileSystem& files_;
  std::set<Identity> seen_;  // directories and files
  std::map<std::string, std::size_t> others_;
  std::size_t hidden_ = 0;
  std::size_t repeated_ = 0;
};

void expand_directory(base::FileSystem& files, const std::string& input, InputFiles& result) {
  Walk walk(files);
  walk.directory(input);
  const std::string left_out = walk.left_out();
  if (walk.found.empty()) {
    throw base::InputError(base::str(
        "directory ", input, " holds no file ending in .txt, .text, .md, .jsonl, .ndjson or ",
        ".json (also with .gz or .zst)", left_out.empty() ? "" : ", but ", left_out, ": name the files one by one"));
  }
  if (!left_out.empty()) {
    result.notes.push_back(base::str(input, ": ", walk.found.size(), " files to read; left out: ", left_out,
                                     " (a file named by itself is read)"));
  }
  result.paths.insert(result.paths.end(), walk.found.begin(), walk.found.end());
}

}  // namespace

bool named_compressed(std::string_view name) { return !ending_among(lower(name), kCompressed).empty(); }

NamedKind named_kind(std::string_view name) {
  std::string plain = lower(name);
  plain.resize(plain.size() - ending_among(plain, kCompressed).size());
  if (!ending_among(plain, kJsonl).empty()) return NamedKind::kJsonl;
  if (!ending_among(plain, kText).empty()) return NamedKind::kText;
  return plain.ends_with(".json") ? NamedKind::kJson : NamedKind::kOther;
}

InputFiles expand_inputs(base::FileSystem& files, const std::vector<std::string>& inputs) {
  InputFiles result;
  for (const std::string& input : inputs) {
    if (!is_standard_input(input) && !files.exists(input)) {
      throw base::InputError(base::str("input ", input, " does not exist: check the path"));
    }
    if (is_standard_input(input) || !files.is_directory(input)) {
      result.paths.push_back(input);
    } else {
      expand_directory(files, input, result);
    }
  }
  if (std::count_if(result.paths.begin(), result.paths.end(), is_standard_input) > 1) {
    throw base::InputError("standard input is named twice: name it once");
  }
  return result;
}

}  // namespace trireme::text
