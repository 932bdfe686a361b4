#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <tuple>

#include "base/error.hpp"
#include "tests/io/checkpoint/damage_cases.hpp"
#include "tests/io/checkpoint/damage_parts.hpp"

namespace trireme::checkpoint::tests {
namespace {

constexpr std::uint64_t kPage = 4096;

void overwrite(const std::filesystem::path& path, std::uint64_t at, const std::string& bytes) {
  base::PosixFileSystem().open(path, base::OpenMode::kReadWrite)->pwrite(bytes.data(), bytes.size(), at);
}

void add_flips(const DamageRun& run, const Part& part, std::vector<DamageCase>& cases) {
  const std::string& bytes = run.files().at(part.file);
  for (const std::uint64_t at : std::set<std::uint64_t>{part.begin, (part.begin + part.end) / 2, part.end - 1}) {
    const auto bit = static_cast<char>(1 << (at * 5 + part.begin) % 8);
    cases.push_back(
        {part.object, "bit flip", base::str(part.file, " byte ", at), part.file, [&run, part, at, bit, &bytes] {
           overwrite(run.newest() / part.file, at, std::string(1, static_cast<char>(bytes[at] ^ bit)));
         }});
  }
}

/// Where the page begins that holds the middle of the part.
std::uint64_t page_of(const Part& part) { return (part.begin + part.end) / 2 / kPage * kPage; }

/// A page of zeros is filled with ones.
void add_page(const DamageRun& run, const Part& part, std::vector<DamageCase>& cases) {
  const std::string& bytes = run.files().at(part.file);
  const std::uint64_t begin = page_of(part);
  const std::uint64_t length = std::min(kPage, bytes.size() - begin);
  const bool zeros = bytes.find_first_not_of('\0', begin) >= begin + length;
  cases.push_back({part.object, zeros ? "page of ones" : "zero page", base::str(part.file, " page at ", begin),
                   part.file, [&run, part, begin, length, zeros] {
                     overwrite(run.newest() / part.file, begin, std::string(length, zeros ? '\xFF' : '\0'));
                   }});
}

void add_truncation(const DamageRun& run, const Part& part, std::vector<DamageCase>& cases) {
  cases.push_back({part.object, "truncation", base::str(part.file, " to ", part.begin, " bytes"), part.file,
                   [&run, part] { std::filesystem::resize_file(run.newest() / part.file, part.begin); }});
}

}  // namespace

std::vector<DamageCase> part_damages(const DamageRun& run) {
  std::vector<DamageCase> cases;
  std::set<std::tuple<std::string, std::string, std::uint64_t>> pages;
  for (const Part& part : parts_of(run)) {
    add_flips(run, part, cases);
    if (pages.emplace(part.object, part.file, page_of(part)).second) add_page(run, part, cases);
    add_truncation(run, part, cases);
  }
  return cases;
}

}  // namespace trireme::checkpoint::tests
