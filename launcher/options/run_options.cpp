#include "launcher/options/run_options.hpp"

#include <boost/program_options.hpp>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "launcher/options/key_table.hpp"

namespace trireme::options {

namespace po = boost::program_options;
using base::InputError;
using base::str;

namespace {

po::parsed_options read_ini(const std::string& text, const std::string& origin) {
  std::istringstream stream(text);
  const po::options_description nothing_known;
  try {
    return po::parse_config_file(stream, nothing_known, true);
  } catch (const po::error& error) {
    throw InputError(str(origin, ": ", error.what(), "; lines are [section], key = value, or # comment"));
  }
}

const Key& key_of(const std::string& origin, const std::string& path) {
  if (path.find('.') == std::string::npos) {
    throw InputError(str(origin, ": key ", path, " stands before the first [section]"));
  }
  return find_key(path);
}

// Messages of set_value() and find_key() get the text they are about.
template <typename Function>
void with_origin(const std::string& origin, const Function& function) {
  try {
    function();
  } catch (const InputError& error) {
    const std::string what = error.what();
    throw InputError(what.rfind(origin + ": ", 0) == 0 ? what : str(origin, ": ", what));
  }
}

}  // namespace

RunOptions parse_run_options(const std::string& text, const std::string& origin, const Overrides& overrides) {
  RunOptions options;
  std::set<std::string> seen;
  with_origin(origin, [&] {
    for (const po::option& line : read_ini(text, origin).options) {
      const Key& key = key_of(origin, line.string_key);
      if (!seen.insert(line.string_key).second) throw InputError(str(line.string_key, " is given twice"));
      set_value(options, key, line.value.empty() ? "" : line.value.front());
    }
  });
  for (const auto& [path, value] : overrides) {
    // One of the two lengths on the command line replaces the other one in the file.
    if (path == "train.steps") options.train.tokens = 0;
    if (path == "train.tokens") options.train.steps = 0;
    with_origin("command line", [&] { set_value(options, find_key(path), value); });
  }
  return options;
}

RunOptions load_run_file(const std::string& path, const Overrides& overrides) {
  std::string text;
  try {
    base::PosixFileSystem files;
    if (files.is_directory(path)) throw InputError(str(path, " is a directory: name a run file (INI)"));
    text = files.read_all(path);
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // the byte order mark of some editors
  } catch (const base::IoError& error) {
    throw InputError(str("cannot read the run file: ", error.what()));
  }
  RunOptions options = parse_run_options(text, path, overrides);
  if (options.run.name.empty()) options.run.name = std::filesystem::path(path).stem().string();
  if (options.run.dir.empty()) options.run.dir = "runs/" + options.run.name;
  return options;
}

std::string to_ini(const RunOptions& options) {
  std::string text, section;
  for (const Key& key : key_table()) {
    const std::optional<std::string> value = value_of(options, key);
    if (!value) continue;
    if (key.section != section) text += str(section.empty() ? "" : "\n", "[", key.section, "]\n");
    section = key.section;
    text += key.name + " = " + *value + "\n";
  }
  return text;
}

std::map<std::string, std::string> to_map(const RunOptions& options) {
  std::map<std::string, std::string> values;
  for (const Key& key : key_table()) {
    if (const std::optional<std::string> value = value_of(options, key)) values[key.path()] = *value;
  }
  return values;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) {
    const std::size_t first = item.find_first_not_of(" \t");
    if (first == std::string::npos) continue;
    items.push_back(item.substr(first, item.find_last_not_of(" \t") - first + 1));
  }
  return items;
}

}  // namespace trireme::options
