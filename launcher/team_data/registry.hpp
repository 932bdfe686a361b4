// The datasets of a team (docs/team_data.md): TREE/data/ holds a small JSON file for each name, which says where the
// dataset lies and what it is. The dataset itself stays where it is, and hundreds of runs read that one file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "io/tokens/blend.hpp"

namespace trireme::launcher {

struct TeamDataset {
  std::string name;
  std::string path;  ///< absolute
  std::string fingerprint;
  std::string tokenizer;  ///< hash
  std::uint64_t bytes = 0;
  std::uint64_t tokens = 0;
  std::uint64_t documents = 0;
  std::uint64_t vocabulary = 0;
  std::string added_by;  ///< a user's name, as the file's owner
  double added = 0;      ///< seconds since the epoch
  std::string problem;   ///< why the entry or its dataset cannot be used; "" when nothing is known against it
};

base::Json to_json(const TeamDataset& dataset);

/// What `path` is, as the entry of `name`. Throws base::InputError for a name that no entry may have, and for a file
/// that is no token dataset.
TeamDataset describe_for_team(base::FileSystem& files, const std::string& name, const std::filesystem::path& path);

/// Adds the entry, atomically: of two users who add one name at the same time the second gets an error. Makes TREE/data
/// when it is missing. Returns false when the same dataset has that name already. Throws base::InputError when another
/// one has it, or when `tree` is no directory.
bool add_to_team(base::FileSystem& files, const std::filesystem::path& tree, const TeamDataset& dataset);

/// All entries, by name. An entry that is damaged, or whose dataset is missing or has changed, has a `problem`. Other
/// files are passed over. A tree without TREE/data has none.
std::vector<TeamDataset> team_datasets(base::FileSystem& files, const std::filesystem::path& tree);

/// Removes an entry, not the dataset. Throws base::InputError naming the nearest when there is none.
void remove_from_team(base::FileSystem& files, const std::filesystem::path& tree, const std::string& name);

/// Parses the value of `key` (tokens::parse_dataset_list), with the path of the dataset in the place of each
/// "team:NAME". `tree`: data.tree; "": options::default_team_tree(). Throws base::InputError also for a name that the
/// team does not have (naming the nearest), and when the file is not the dataset that was added.
std::vector<tokens::DatasetChoice> dataset_choices(base::FileSystem& files, const std::string& key,
                                                   const std::string& value, const std::string& tree);

}  // namespace trireme::launcher
