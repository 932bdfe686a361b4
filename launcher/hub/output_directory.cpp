#include "launcher/hub/output_directory.hpp"

#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/printable.hpp"
#include "base/random_name.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::str;
using Path = std::filesystem::path;

Path without_slash(const Path& named) {
  const Path whole = std::filesystem::absolute(named).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

}  // namespace

void require_step_name(const Path& named, std::int64_t step, const std::string& what) {
  const std::string name = without_slash(named).filename().string();
  const bool is_step = name.starts_with("step_") && name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (!is_step || name == str("step_", step)) return;
  throw InputError(
      str(named.string(), " is the name of another step than the ", what, "'s, ", step, ": name another directory"));
}

OutputDirectory::OutputDirectory(base::FileSystem& files, const Path& named, base::Overwrite overwrite,
                                 const std::string& kind, WhyKept why_kept)
    : files_(files), target_(without_slash(named)), overwrite_(overwrite), kind_(kind), why_kept_(std::move(why_kept)) {
  if (!files_.is_directory(target_.parent_path())) {
    throw InputError(
        str("there is no directory ", target_.parent_path().string(), " for ", target_.filename().string()));
  }
  check();
  const Path partial =
      target_.parent_path() / str(".", target_.filename().string(), ".", base::random_name(), ".partial");
  files_.create_directory(partial);
  partial_ = partial;
}

OutputDirectory::~OutputDirectory() {
  if (committed_) return;
  try {
    files_.remove_all(partial_);
  } catch (const base::Error&) {
    // The failure that led here is the one to report.
  }
}

bool OutputDirectory::check() const {
  if (files_.is_link(target_)) {
    throw InputError(str(target_.string(), " is a symbolic link: name the directory itself"));
  }
  if (!files_.exists(target_)) return false;
  if (!files_.is_directory(target_)) throw InputError(str(target_.string(), " is a file: name another directory"));
  if (files_.list(target_).empty()) return true;
  if (overwrite_ == base::Overwrite::kRefused) {
    throw InputError(
        str("there is ", target_.string(), " already: name another directory, or replace it with --force"));
  }
  if (const std::string why = why_kept_(target_); !why.empty()) {
    throw InputError(str(target_.string(), " is not ", kind_, ": it ", base::printable(why),
                         ", so --force does not delete it: name another directory"));
  }
  return true;
}

void OutputDirectory::commit() {
  const bool replaces = check();
  const Path old = partial_.string() + ".old";
  if (replaces) files_.rename(target_, old);
  try {
    files_.rename(partial_, target_);
  } catch (...) {
    if (replaces) files_.rename(old, target_);
    throw;
  }
  committed_ = true;
  files_.sync_directory(target_.parent_path());
  if (!replaces) return;
  try {
    files_.remove_all(old);
  } catch (const base::Error& error) {
    base::print_warning(str("the older ", target_.string(), " is replaced, but what is left of it stays in ",
                            old.string(), ": ", error.what()));
  }
}

}  // namespace trireme::launcher
