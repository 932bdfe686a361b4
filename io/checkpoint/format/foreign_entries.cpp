#include "io/checkpoint/format/foreign_entries.hpp"

#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/own_file.hpp"

namespace trireme::checkpoint {

std::vector<ForeignEntry> foreign_entries(base::FileSystem& files, const std::filesystem::path& step_directory,
                                          const Manifest& manifest) {
  using Path = std::filesystem::path;
  std::set<std::string> known = {kManifestName, kBoxesName};
  std::set<std::string> folders;
  for (const auto& shard : manifest.files) {
    known.insert(shard.name);
    for (Path folder = Path(shard.name).parent_path(); !folder.empty(); folder = folder.parent_path()) {
      folders.insert(folder.string());
    }
  }
  std::vector<ForeignEntry> found;
  std::vector<Path> pending = {""};
  while (!pending.empty()) {
    const Path folder = std::move(pending.back());
    pending.pop_back();
    for (const auto& entry : files.list(step_directory / folder)) {
      const Path relative = folder / entry;
      const std::string name = relative.string();
      if (!known.contains(name) && !folders.contains(name)) {
        found.push_back({name, "this file does not belong to the checkpoint"});
      } else if (files.is_link(step_directory / relative)) {
        found.push_back({name, "a symbolic link is in its place"});
      } else if (folders.contains(name) && files.is_directory(step_directory / relative)) {
        pending.push_back(relative);
      }
    }
  }
  return found;
}

std::string why_no_checkpoint(base::FileSystem& files, const std::filesystem::path& path) {
  const std::filesystem::path name = path / kManifestName;
  if (!files.exists(name)) return base::str("has no ", kManifestName);
  try {
    const auto file = files.open_own(name, base::OpenMode::kRead);
    const auto manifest = parse_manifest(base::read_limited(*file, name, kManifestLimit), path);
    const auto foreign = foreign_entries(files, path, manifest);
    return foreign.empty() ? "" : base::str("holds ", foreign.front().name, ", which is no part of one");
  } catch (const base::Error&) {
    return base::str("has a damaged ", kManifestName);
  }
}

}  // namespace trireme::checkpoint
