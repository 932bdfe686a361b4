#include "io/checkpoint/run/quota.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "base/error.hpp"

namespace trireme::checkpoint {
namespace {

constexpr std::uint64_t kBlock = 1024;  // the unit of all three programs

/// One pair of limits, soft and hard; 0 = none.
struct Limits {
  std::uint64_t used = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
  bool grace_over = false;
};

std::optional<std::uint64_t> left_of(const Limits& limits) {
  const bool over = limits.soft > 0 && limits.used >= limits.soft;
  if (over && limits.grace_over) return 0;
  const std::uint64_t limit = limits.hard > 0 ? limits.hard : limits.soft;
  if (limit == 0) return std::nullopt;
  return limit - std::min(limit, limits.used);
}

std::vector<Quota> with_limits(const std::string& name, const Limits& blocks, const Limits& files) {
  Quota quota{name, left_of(blocks), left_of(files)};
  if (quota.bytes_left) quota.bytes_left = std::min(*quota.bytes_left, UINT64_MAX / kBlock) * kBlock;
  if (!quota.bytes_left && !quota.files_left) return {};
  return {quota};
}

template <typename Number>
std::optional<Number> number_in(const std::string& text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// Reads a count: "5242880"; "5242880*" is over the limit, "[5242880]" not up to date.
std::optional<std::uint64_t> count_in(std::string text) {
  if (!text.empty() && text.back() == '*') text.pop_back();
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  return number_in<std::uint64_t>(text);
}

std::vector<std::string> words_of(const std::string& line, char separator = ' ') {
  std::vector<std::string> words;
  std::istringstream in(line);
  std::string word;
  if (separator == ' ') {
    while (in >> word) words.push_back(word);
  } else {
    while (std::getline(in, word, separator)) words.push_back(word);
  }
  return words;
}

std::vector<std::string> lines_of(const std::string& text) { return words_of(text, '\n'); }

/// Reads used, soft and hard from three words.
std::optional<Limits> limits_in(const std::vector<std::string>& words, std::size_t first) {
  if (first + 3 > words.size()) return std::nullopt;
  const auto used = count_in(words[first]);
  const auto soft = count_in(words[first + 1]);
  const auto hard = count_in(words[first + 2]);
  if (!used || !soft || !hard) return std::nullopt;
  return Limits{*used, *soft, *hard, false};
}

/// Reads "(uid 1001)" in "Disk quotas for user alice (uid 1001):"; the word before the number says whose quota it is.
struct Heading {
  std::string kind;  ///< "uid", "gid", "pid"
  std::uint32_t id = 0;
};

std::optional<Heading> heading_in(const std::string& line) {
  for (const char* kind : {"uid", "gid", "pid"}) {
    const std::string mark = base::str("(", kind, " ");
    const std::size_t at = line.rfind(mark);
    if (at == std::string::npos) continue;
    const std::size_t begin = at + mark.size();
    const auto id = number_in<std::uint32_t>(line.substr(begin, line.find(')', begin) - begin));
    if (id) return Heading{kind, *id};
  }
  return std::nullopt;
}

std::string name_of(const Heading& heading, const QuotaOwner& owner) {
  if (heading.kind == "uid") return "your quota on " + owner.mount_point;
  return base::str("the quota of ", heading.kind == "gid" ? "group " : "project ", heading.id, " on ",
                   owner.mount_point);
}

}  // namespace

std::vector<Quota> parse_lfs_quota(const std::string& text, const QuotaOwner& owner) {
  std::optional<Heading> heading;
  std::vector<std::string> row;  // a long name fills a line; its numbers follow on the next one
  for (const std::string& line : lines_of(text)) {
    const std::vector<std::string> words = words_of(line);
    if (const auto found = heading_in(line)) {
      heading = found;
    } else if (heading && !words.empty() && words[0] != "Filesystem") {
      row.insert(row.end(), words.begin(), words.end());
      if (row.size() > 1) break;
    }
  }
  const auto blocks = limits_in(row, 1);
  if (!blocks || row.size() < 5) return {};
  // The grace column is "-", a time like "6d23h", or "none" when the grace is over. Some versions leave it out.
  const bool has_grace = !count_in(row[4]);
  const auto files = limits_in(row, has_grace ? 5 : 4);
  if (!files) return {};
  Limits of_blocks = *blocks;
  Limits of_files = *files;
  of_blocks.grace_over = has_grace && row[4] == "none";
  const std::size_t last = has_grace ? 8 : 7;
  of_files.grace_over = row.size() > last && row[last] == "none";
  return with_limits(name_of(*heading, owner), of_blocks, of_files);
}

std::optional<std::uint32_t> parse_lfs_project(const std::string& text) {
  const std::vector<std::string> words = words_of(text);
  const auto id = words.empty() ? std::nullopt : number_in<std::uint32_t>(words[0]);
  return id && *id != 0 ? id : std::nullopt;
}

std::vector<Quota> parse_quota(const std::string& text, const QuotaOwner& owner) {
  std::vector<Quota> found;
  std::optional<Heading> heading;
  for (const std::string& line : lines_of(text)) {
    if (const auto next = heading_in(line)) heading = next;
    const bool ours = heading && heading->id == (heading->kind == "uid" ? owner.uid : owner.gid);
    const std::vector<std::string> words = words_of(line);
    if (!ours || words.size() != 9 || words[0] != owner.source) continue;
    auto blocks = limits_in(words, 1);
    auto files = limits_in(words, 5);
    const auto block_grace = number_in<std::int64_t>(words[4]);  // when the grace ends; 0 = none runs
    const auto file_grace = number_in<std::int64_t>(words[8]);
    if (!blocks || !files || !block_grace || !file_grace) continue;
    blocks->grace_over = *block_grace > 0 && *block_grace <= owner.now;
    files->grace_over = *file_grace > 0 && *file_grace <= owner.now;
    for (Quota& quota : with_limits(name_of(*heading, owner), *blocks, *files)) found.push_back(std::move(quota));
  }
  return found;
}

namespace {

/// One row of `mmlsquota -Y`, keyed by the header's names in lower case, since versions order columns differently.
using Row = std::map<std::string, std::string>;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::vector<Row> rows_of(const std::string& text) {
  std::vector<Row> rows;
  std::vector<std::string> names;
  for (const std::string& line : lines_of(text)) {
    const std::vector<std::string> fields = words_of(line, ':');
    if (fields.size() < 3 || fields[0] != "mmlsquota") continue;
    if (fields[2] == "HEADER") {
      names.clear();
      for (const std::string& field : fields) names.push_back(lower(field));
      continue;
    }
    Row& row = rows.emplace_back();
    for (std::size_t i = 3; i < std::min(names.size(), fields.size()); ++i) row[names[i]] = fields[i];
  }
  return rows;
}

std::optional<Limits> limits_in(Row& row, const std::string& what) {
  const auto limits =
      limits_in(std::vector<std::string>{row[what + "usage"], row[what + "quota"], row[what + "limit"]}, 0);
  if (!limits) return std::nullopt;
  Limits all = *limits;
  all.grace_over = row[what + "grace"] == "expired";
  return all;
}

/// The quota's name; "" when the row does not apply to what the owner writes.
std::string name_of(Row& row, const QuotaOwner& owner) {
  const std::string device = owner.source.substr(owner.source.rfind('/') + 1);
  if (row["filesystemname"] != device) return "";
  const std::string& fileset = row["filesetname"];
  const std::string& type = row["quotatype"];
  const auto id = number_in<std::uint32_t>(row["id"]);
  if (type == "FILESET") {
    const std::string& named = fileset.empty() ? row["name"] : fileset;
    return !owner.fileset.empty() && named == owner.fileset
               ? base::str("the quota of fileset ", named, " on ", owner.mount_point)
               : "";
  }
  // A row without a fileset applies to the whole file system. Files that lie in no other fileset are in "root".
  if (!fileset.empty() && fileset != (owner.fileset.empty() ? "root" : owner.fileset)) return "";
  if (type == "USR" && id == owner.uid) return name_of(Heading{"uid", owner.uid}, owner);
  if (type == "GRP" && id == owner.gid) return name_of(Heading{"gid", owner.gid}, owner);
  return "";
}

}  // namespace

std::vector<Quota> parse_mmlsquota(const std::string& text, const QuotaOwner& owner) {
  std::vector<Quota> found;
  for (Row& row : rows_of(text)) {
    const std::string name = name_of(row, owner);
    const auto blocks = limits_in(row, "block");
    const auto files = limits_in(row, "files");
    if (name.empty() || !blocks || !files) continue;
    for (Quota& quota : with_limits(name, *blocks, *files)) found.push_back(std::move(quota));
  }
  return found;
}

std::string parse_mmlsattr_fileset(const std::string& text) {
  for (const std::string& line : lines_of(text)) {
    const std::string mark = "fileset name:";
    if (line.rfind(mark, 0) != 0) continue;
    const std::vector<std::string> words = words_of(line.substr(mark.size()));
    return words.empty() ? "" : words[0];
  }
  return "";
}

}  // namespace trireme::checkpoint
