#include "tests/io/checkpoint/damage_oracle.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

namespace trireme::checkpoint::tests {
namespace {

namespace fs = std::filesystem;

/// The bytes of a regular file of that length; nothing when it is anything else.
std::optional<std::string> content(const fs::path& path, std::uint64_t length) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) != length || error) return std::nullopt;
  return base::PosixFileSystem().read_all(path);
}

bool same(const fs::path& a, const fs::path& b) {
  const std::string saved = base::PosixFileSystem().read_all(b);
  return content(a, saved.size()) == saved;
}

/// Names every part of the shard that differs from the saved one.
void compare_shard(const OpenedCheckpoint& opened, std::uint32_t file, const fs::path& path, const std::string& saved,
                   Expectation& expected) {
  const auto now = content(path, saved.size());
  const std::string metadata = "metadata of " + opened.manifest.files[file].name;
  if (!now) expected.required.insert(metadata);
  std::string outside_now = now.value_or("");
  std::string outside_saved = now ? saved : "";
  for (const auto& box : opened.table.boxes) {
    if (box.file != file) continue;
    const std::string subject = describe(opened.table, box);
    const std::uint64_t length = opened.table.bytes_of(box);
    if (!now) {
      expected.allowed.insert(subject);
      continue;
    }
    if (now->compare(box.offset, length, saved, box.offset, length) != 0) expected.required.insert(subject);
    std::fill_n(outside_now.begin() + static_cast<std::ptrdiff_t>(box.offset), length, '\0');
    std::fill_n(outside_saved.begin() + static_cast<std::ptrdiff_t>(box.offset), length, '\0');
  }
  if (now && outside_now != outside_saved) expected.required.insert(metadata);
}

void find_foreign(const DamageRun& run, Expectation& expected) {
  for (auto it = fs::recursive_directory_iterator(run.newest()); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = fs::relative(it->path().parent_path(), run.newest()) / it->path().filename();
    const std::string plain = name.starts_with("./") ? name.substr(2) : name;
    const bool known = run.files().contains(plain) || plain == "node_0" || plain == "node_1";
    if (!known || it->is_symlink()) {
      expected.foreign.insert(plain);
      it.disable_recursion_pending();
    } else if (run.files().contains(plain)) {
      it.disable_recursion_pending();  // a directory in the place of a file is named as that file
    }
  }
  expected.required.insert(expected.foreign.begin(), expected.foreign.end());
}

}  // namespace

Expectation expectation(const DamageRun& run) {
  Expectation expected;
  const bool of_another = same(run.newest() / kManifestName, run.of_another_run() / kManifestName);
  const fs::path reference = of_another ? run.of_another_run() : run.good();
  if (!same(run.newest() / kManifestName, reference / kManifestName)) {
    expected.required = {kManifestName};
  } else if (!same(run.newest() / kBoxesName, reference / kBoxesName)) {
    expected.required = {kBoxesName};
  } else {
    for (std::uint32_t file = 0; file < run.opened().manifest.files.size(); ++file) {
      const std::string& name = run.opened().manifest.files[file].name;
      const std::string saved = base::PosixFileSystem().read_all(reference / name);
      compare_shard(run.opened(), file, run.newest() / name, saved, expected);
    }
    find_foreign(run, expected);
  }
  return expected;
}

}  // namespace trireme::checkpoint::tests
