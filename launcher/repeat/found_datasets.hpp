// Finds the datasets of a recorded attempt again, where they were or elsewhere.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/record/attempt_record.hpp"

namespace trireme::launcher {

struct FoundDatasets {
  std::string train;                       ///< the value of data.train, with absolute paths
  std::string valid;                       ///< of data.valid
  std::vector<std::string> differences;    ///< sentences about what is not where it was
  std::vector<std::string> missing;        ///< what was not found anywhere
  std::vector<std::string> missing_valid;  ///< the same of data.valid, without which a run can train
};

/// A dataset is the one of the record when its fingerprint is. Looks at the recorded path, at `candidates`, at the
/// team's datasets in `tree` ("": none), and for a file of the same name in `near`. Where it finds none, the recorded
/// path stands in the list.
FoundDatasets find_datasets(base::FileSystem& files, const AttemptRecord& record,
                            const std::vector<std::string>& candidates, const std::string& tree,
                            const std::vector<std::filesystem::path>& near);

}  // namespace trireme::launcher
