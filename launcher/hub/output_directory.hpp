// A directory that appears whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/file_system.hpp"
#include "base/output_file.hpp"

namespace trireme::launcher {

/// Which directories --force may replace.
using MayReplace = std::function<bool(const std::filesystem::path& existing)>;

/// A new directory beside its later place, named ".<name>.<16 hex digits>.partial". A process that is killed leaves it
/// there, under that name; otherwise the destructor deletes what was not committed.
class OutputDirectory {
 public:
  /// `kind` is what such a directory is, for messages: "a checkpoint". Throws base::InputError when there is something
  /// at `named` and `overwrite` is kRefused, when that is a link or a file, or `may_replace` says no (an empty
  /// directory is always replaced), and when its parent is missing. Nothing is made then.
  OutputDirectory(base::FileSystem& files, const std::filesystem::path& named, base::Overwrite overwrite,
                  const std::string& kind, MayReplace may_replace);
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;
  ~OutputDirectory();

  /// Where to write.
  const std::filesystem::path& partial() const { return partial_; }
  /// Gives it its name, which is durable afterwards; what had the name is deleted. Its content must be fsynced.
  void commit();

 private:
  /// Whether there is something to replace.
  bool check() const;

  base::FileSystem& files_;
  std::filesystem::path target_;
  std::filesystem::path partial_;
  base::Overwrite overwrite_;
  std::string kind_;
  MayReplace may_replace_;
  bool committed_ = false;
};

}  // namespace trireme::launcher
