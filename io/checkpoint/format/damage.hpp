// The error that makes a resuming run take an older checkpoint.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace trireme::checkpoint {

/// The stored bytes are not what was written: a wrong checksum, length or structure, a missing file, or an I/O error on
/// reading. `subject` is the damaged part: a tensor with its slot and box, "metadata of FILE", "MANIFEST.json",
/// "BOXES.bin", or a file name.
class DamagedCheckpoint : public base::Error {
 public:
  DamagedCheckpoint(std::filesystem::path path, std::string subject, const std::string& problem)
      : base::Error(base::str("checkpoint ", path.string(), " is damaged: ", subject, ": ", problem)),
        path_(std::move(path)),
        subject_(std::move(subject)),
        problem_(problem) {}

  const std::filesystem::path& path() const { return path_; }
  const std::string& subject() const { return subject_; }
  const std::string& problem() const { return problem_; }

 private:
  std::filesystem::path path_;
  std::string subject_;
  std::string problem_;
};

}  // namespace trireme::checkpoint
