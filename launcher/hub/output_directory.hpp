// A directory that appears whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/file_system.hpp"
#include "base/output_file.hpp"

namespace trireme::launcher {

/// Why --force must not replace a directory, as the rest of a sentence that begins with its name ("has no
/// config.json"); empty when it may.
using WhyKept = std::function<std::string(const std::filesystem::path& existing)>;

/// Throws base::InputError when `named` is step_<N> with another number than `step`, that of the checkpoint which
/// `what`
/// ("import") makes: such a checkpoint would be read as damaged.
void require_step_name(const std::filesystem::path& named, std::int64_t step, const std::string& what);

/// A new directory beside its later place, named ".<name>.<16 hex digits>.partial". A process that is killed leaves it
/// there, under that name; otherwise the destructor deletes what was not committed.
class OutputDirectory {
 public:
  /// `kind` is what such a directory is, for messages: "a checkpoint". Throws base::InputError when there is something
  /// at `named` and `overwrite` is kRefused, when that is a link or a file, or `why_kept` says why it stays (an empty
  /// directory is always replaced), and when its parent is missing. Nothing is made then.
  OutputDirectory(base::FileSystem& files, const std::filesystem::path& named, base::Overwrite overwrite,
                  const std::string& kind, WhyKept why_kept);
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;
  ~OutputDirectory();

  /// Where to write.
  const std::filesystem::path& partial() const { return partial_; }
  /// Gives it its name, which is durable afterwards; what had the name is deleted, and a warning says where it lies
  /// when it cannot be. Its content must be fsynced. A process that is killed between two renames leaves what had the
  /// name under that of the partial directory with ".old" at its end, and both beside each other.
  void commit();

 private:
  /// Whether there is something to replace.
  bool check() const;

  base::FileSystem& files_;
  std::filesystem::path target_;
  std::filesystem::path partial_;
  base::Overwrite overwrite_;
  std::string kind_;
  WhyKept why_kept_;
  bool committed_ = false;
};

}  // namespace trireme::launcher
