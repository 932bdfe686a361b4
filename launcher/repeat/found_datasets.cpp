#include "launcher/repeat/found_datasets.hpp"

#include <algorithm>
#include <optional>
#include <system_error>

#include "base/error.hpp"
#include "io/tokens/token_dataset.hpp"
#include "launcher/team_data/registry.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Path = std::filesystem::path;

/// The fingerprint of the dataset at `path`; "" when there is none that can be read. Opening a FIFO would wait.
std::string fingerprint_at(base::FileSystem& files, const Path& path) {
  std::error_code unknown;
  if (path.empty() || !std::filesystem::is_regular_file(path, unknown)) return "";
  try {
    return tokens::TokenDataset::open(files, path.string()).fingerprint();
  } catch (const base::Error&) {
    return "";
  }
}

// The path as an item of a list of datasets. A record may be somebody else's: a line break would begin another key.
std::string list_item(const Path& path, double weight) {
  const std::string text = path.string();
  const bool holds_odd =
      std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '"' || c == '\x7f'; });
  if (holds_odd) throw base::InputError(str("the path of a dataset cannot stand in a run file: ", text));
  return weight > 0 ? str('"', text, "\" ", base::format_double(weight)) : str('"', text, '"');
}

class Search {
 public:
  Search(base::FileSystem& files, const std::vector<std::string>& candidates, const std::string& tree,
         const std::vector<Path>& near)
      : files_(files), candidates_(candidates), tree_(tree), near_(near) {}

  std::optional<Path> elsewhere(const DatasetRecord& dataset) {
    for (const std::string& path : candidates_) {
      if (fingerprint_at(files_, path) == dataset.fingerprint)
        return std::filesystem::absolute(path).lexically_normal();
    }
    for (const Path& directory : near_) {
      const Path path = directory / Path(dataset.path).filename();
      if (fingerprint_at(files_, path) == dataset.fingerprint)
        return std::filesystem::absolute(path).lexically_normal();
    }
    for (const TeamDataset& one : of_team()) {
      if (one.problem.empty() && one.fingerprint == dataset.fingerprint) return one.path;
    }
    return std::nullopt;
  }

 private:
  const std::vector<TeamDataset>& of_team() {
    if (!team_ && !tree_.empty()) {
      try {
        team_ = team_datasets(files_, tree_);
      } catch (const base::Error&) {
        // a tree that is not there has no datasets
      }
    }
    if (!team_) team_.emplace();
    return *team_;
  }

  base::FileSystem& files_;
  const std::vector<std::string>& candidates_;
  const std::string& tree_;
  const std::vector<Path>& near_;
  std::optional<std::vector<TeamDataset>> team_;
};

}  // namespace

FoundDatasets find_datasets(base::FileSystem& files, const AttemptRecord& record,
                            const std::vector<std::string>& candidates, const std::string& tree,
                            const std::vector<Path>& near) {
  FoundDatasets found;
  Search search(files, candidates, tree, near);
  for (const DatasetRecord& dataset : record.datasets) {
    Path path = dataset.path;
    const std::string there = fingerprint_at(files, path);
    if (there != dataset.fingerprint) {
      const std::string what = str(dataset.key, " ", dataset.name, ": ", dataset.path,
                                   there.empty() ? " is missing" : str(" has changed (fingerprint ", there, ")"));
      if (const auto other = search.elsewhere(dataset)) {
        path = *other;
        found.differences.push_back(str(what, ", and ", path.string(), " holds the same data"));
      } else {
        auto& missing = dataset.key == "data.valid" ? found.missing_valid : found.missing;
        missing.push_back(str(what, ", and no dataset with fingerprint ", dataset.fingerprint, " was found"));
      }
    }
    std::string& list = dataset.key == "data.valid" ? found.valid : found.train;
    list += (list.empty() ? "" : ", ") + list_item(path, dataset.weight);
  }
  return found;
}

}  // namespace trireme::launcher
