#include "launcher/options/ini_text.hpp"

#include <boost/program_options.hpp>
#include <sstream>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "base/own_file.hpp"

namespace trireme::options {

namespace po = boost::program_options;
using base::InputError;
using base::str;

std::vector<std::pair<std::string, std::string>> parse_ini(const std::string& text, const std::string& origin) {
  std::istringstream stream(text);
  const po::options_description nothing_known;
  std::vector<std::pair<std::string, std::string>> lines;
  try {
    for (const po::option& line : po::parse_config_file(stream, nothing_known, true).options) {
      lines.emplace_back(line.string_key, line.value.empty() ? "" : line.value.front());
    }
  } catch (const po::error& error) {
    throw InputError(str(origin, ": ", error.what(), "; lines are [section], key = value, or # comment"));
  }
  return lines;
}

std::string read_ini_file(const std::string& path, const std::string& kind) {
  try {
    base::PosixFileSystem files;
    if (files.is_directory(path)) throw InputError(str(path, " is a directory: name a ", kind, " (INI)"));
    std::string text = base::read_limited(*files.open(path, base::OpenMode::kRead), path, base::kOwnFileLimit);
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // the byte order mark of some editors
    return text;
  } catch (const base::IoError& error) {
    throw InputError(str("cannot read the ", kind, ": ", error.what()));
  }
}

}  // namespace trireme::options
