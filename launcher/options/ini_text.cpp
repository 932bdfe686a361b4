#include "launcher/options/ini_text.hpp"

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/own_file.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

std::string read_ini_file(const std::string& path, const std::string& kind) {
  try {
    base::PosixFileSystem files;
    if (files.is_directory(path)) throw InputError(str(path, " is a directory: name a ", kind, " (INI)"));
    std::string text = base::read_limited(*files.open(path, base::OpenMode::kRead), path, base::kOwnFileLimit);
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // some editors write a byte order mark
    return text;
  } catch (const base::IoError& error) {
    throw InputError(str("cannot read the ", kind, ": ", error.what()));
  }
}

}  // namespace trireme::options
