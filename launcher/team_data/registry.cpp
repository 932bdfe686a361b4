#include "launcher/team_data/registry.hpp"

#include <algorithm>
#include <system_error>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/names.hpp"
#include "base/own_file.hpp"
#include "base/user_name.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/options/site_file.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

constexpr const char* kSuffix = ".json";
constexpr std::size_t kMostEntries = 100'000;

void check_name(const std::string& name) {
  if (base::is_dataset_name(name)) return;
  throw InputError(str("'", name, "' cannot name a team's dataset: take letters, digits, '-', '_' and '.', at most ",
                       "100, a letter or digit first"));
}

Path directory_of(const Path& tree) { return tree / "data"; }
Path entry_file(const Path& tree, const std::string& name) { return directory_of(tree) / (name + kSuffix); }

/// Throws base::InputError when the path leads to no ordinary file: opening a FIFO would wait.
tokens::TokenDataset open_dataset(base::FileSystem& files, const Path& path) {
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown) && !std::filesystem::is_regular_file(path, unknown)) {
    throw InputError(str(path.string(), " is no ordinary file"));
  }
  return tokens::TokenDataset::open(files, path.string());
}

TeamDataset parse_entry(const std::string& text, const std::string& name, const Path& file) {
  try {
    const base::Json json = base::Json::parse(text);
    TeamDataset dataset;
    dataset.name = name;
    dataset.path = json.at("path").get<std::string>();
    dataset.fingerprint = json.at("fingerprint").get<std::string>();
    dataset.tokenizer = json.value("tokenizer", "");
    dataset.bytes = json.value("bytes", std::uint64_t{0});
    dataset.tokens = json.value("tokens", std::uint64_t{0});
    dataset.documents = json.value("documents", std::uint64_t{0});
    dataset.vocabulary = json.value("vocabulary", std::uint64_t{0});
    dataset.added = json.value("added", 0.0);
    if (!Path(dataset.path).is_absolute()) throw InputError("its path is not absolute");
    return dataset;
  } catch (const std::exception&) {
    throw InputError(str(file.string(), " is no entry of a team's dataset: trireme data remove ", name,
                         " --force removes it, then add it again"));
  }
}

std::vector<std::string> names_in(base::FileSystem& files, const Path& tree) {
  std::vector<std::string> names;
  if (!files.is_directory(directory_of(tree))) return names;
  for (const std::string& file : files.list(directory_of(tree))) {
    if (!file.ends_with(kSuffix) || names.size() >= kMostEntries) continue;
    const std::string name = file.substr(0, file.size() - std::string_view(kSuffix).size());
    if (base::is_dataset_name(name)) names.push_back(name);
  }
  return names;
}

TeamDataset read_entry(base::FileSystem& files, const Path& tree, const std::string& name) {
  check_name(name);
  const Path file = entry_file(tree, name);
  if (!files.exists(file)) {
    const std::string near = base::nearest(name, names_in(files, tree));
    throw InputError(
        str("the team has no dataset ", name, " in ", directory_of(tree).string(),
            near.empty() ? std::string(": trireme data list shows what it has") : str(": did you mean ", near, "?")));
  }
  TeamDataset dataset = parse_entry(base::read_own(files, file), name, file);
  if (const auto owner = files.owner(file)) dataset.added_by = base::user_name(*owner);
  return dataset;
}

// Who may read the directory may read the entry, whatever the umask of the one who adds it.
void fill(base::TemporaryFile& entry, const std::string& text, const Path& directory) {
  using std::filesystem::perms;
  entry.file->pwrite(text.data(), text.size(), 0);
  entry.file->sync();
  entry.file->close();
  std::error_code unknown;
  const perms readers =
      std::filesystem::status(directory, unknown).permissions() & (perms::group_read | perms::others_read);
  std::error_code failed;
  std::filesystem::permissions(entry.path, perms::owner_read | perms::owner_write | readers, failed);
  if (failed)
    throw base::IoError(str("cannot let others read ", entry.path.string(), ": ", failed.message()), failed.value());
}

// Some file systems have no hard links, and some no more for this file.
bool is_without_links(const std::error_code& failed) {
  return failed == std::errc::operation_not_permitted || failed == std::errc::not_supported ||
         failed == std::errc::operation_not_supported || failed == std::errc::too_many_links;
}

/// Another add at the same moment may see the entry before it is whole; it cannot replace it.
std::error_code create_entry(base::FileSystem& files, const Path& file, const std::string& text,
                             const Path& directory) {
  base::TemporaryFile entry;
  try {
    entry = {file, files.open(file, base::OpenMode::kCreateExclusive)};
  } catch (const base::IoError& error) {
    return {error.code(), std::generic_category()};
  }
  try {
    fill(entry, text, directory);
  } catch (...) {
    std::error_code unknown;
    std::filesystem::remove(file, unknown);
    throw;
  }
  return {};
}

/// Throws base::InputError unless the file is the dataset that was added.
void check_unchanged(base::FileSystem& files, const TeamDataset& dataset) {
  std::string found;
  try {
    found = open_dataset(files, dataset.path).fingerprint();
  } catch (const base::Error& error) {
    throw InputError(str("the team's dataset ", dataset.name, " cannot be read: ", error.what(),
                         "; if it has moved: ", "trireme data remove ", dataset.name, " --force, then add it again"));
  }
  if (found == dataset.fingerprint) return;
  throw InputError(str("the team's dataset ", dataset.name, " has changed: ", dataset.path, " has the fingerprint ",
                       found, " instead of ", dataset.fingerprint, "; put the old file back, or add the new one under ",
                       "another name"));
}

}  // namespace

base::Json to_json(const TeamDataset& dataset) {
  return {{"name", dataset.name},
          {"path", dataset.path},
          {"fingerprint", dataset.fingerprint},
          {"tokenizer", dataset.tokenizer},
          {"bytes", dataset.bytes},
          {"tokens", dataset.tokens},
          {"documents", dataset.documents},
          {"vocabulary", dataset.vocabulary},
          {"added", dataset.added}};
}

TeamDataset describe_for_team(base::FileSystem& files, const std::string& name, const Path& path) {
  check_name(name);
  const auto opened = open_dataset(files, path);
  TeamDataset dataset;
  dataset.name = name;
  dataset.path = std::filesystem::absolute(path).lexically_normal().string();
  dataset.fingerprint = opened.fingerprint();
  dataset.tokenizer = opened.tokenizer_hash();
  dataset.bytes = opened.header().file_bytes;
  dataset.tokens = opened.size();
  dataset.documents = opened.documents();
  dataset.vocabulary = opened.vocabulary();
  dataset.added = base::wall_time();
  return dataset;
}

bool add_to_team(base::FileSystem& files, const Path& tree, const TeamDataset& dataset) {
  check_name(dataset.name);
  if (!files.is_directory(tree)) {
    throw InputError(str("there is no directory ", tree.string(), ": make it, or name the team's with --tree"));
  }
  files.create_directories(directory_of(tree));
  const Path file = entry_file(tree, dataset.name);
  const std::string text = base::to_line(to_json(dataset)) + '\n';
  base::TemporaryFile temporary = files.create_temporary(file);
  std::error_code failed;
  try {
    fill(temporary, text, directory_of(tree));
    std::filesystem::create_hard_link(temporary.path, file, failed);  // unlike a rename it replaces nothing
  } catch (const base::Error&) {
    std::filesystem::remove(temporary.path, failed);
    throw;
  }
  files.remove(temporary.path);
  if (is_without_links(failed)) failed = create_entry(files, file, text, directory_of(tree));
  if (!failed) {
    files.sync_directory(directory_of(tree));
    return true;
  }
  if (failed != std::errc::file_exists)
    throw base::IoError(str("cannot make ", file.string(), ": ", failed.message()), failed.value());
  const TeamDataset there = read_entry(files, tree, dataset.name);
  if (there.fingerprint == dataset.fingerprint && there.path == dataset.path) return false;
  throw InputError(str("the team has a dataset ", dataset.name, " already, added by ", there.added_by, ": ", there.path,
                       " with the fingerprint ", there.fingerprint, "; take another name"));
}

std::vector<TeamDataset> team_datasets(base::FileSystem& files, const Path& tree) {
  std::vector<TeamDataset> datasets;
  for (const std::string& name : names_in(files, tree)) {
    TeamDataset dataset;
    dataset.name = name;
    try {
      dataset = read_entry(files, tree, name);
      check_unchanged(files, dataset);
    } catch (const base::Error& error) {
      dataset.problem = error.what();
    }
    datasets.push_back(dataset);
  }
  return datasets;
}

void remove_from_team(base::FileSystem& files, const Path& tree, const std::string& name) {
  check_name(name);
  const Path file = entry_file(tree, name);
  if (!files.exists(file) && !files.is_link(file)) (void)read_entry(files, tree, name);  // its error names the nearest
  files.remove(file);
  files.sync_directory(directory_of(tree));
}

std::vector<tokens::DatasetChoice> dataset_choices(base::FileSystem& files, const std::string& key,
                                                   const std::string& value, const std::string& tree) {
  auto choices = tokens::parse_dataset_list(key, value);
  for (tokens::DatasetChoice& choice : choices) {
    if (!choice.path.starts_with(options::kTeamPrefix)) continue;
    const Path where = tree.empty() ? options::default_team_tree() : Path(tree);
    try {
      const TeamDataset dataset = read_entry(files, where, choice.path.substr(options::kTeamPrefix.size()));
      check_unchanged(files, dataset);
      choice.path = dataset.path;
    } catch (const InputError& error) {
      throw InputError(str(key, " = ", choice.path, ": ", error.what()));
    }
  }
  return choices;
}

}  // namespace trireme::launcher
