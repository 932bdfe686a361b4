#include "launcher/options/run_options.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>
#include <system_error>

#include "base/error.hpp"
#include "base/ini.hpp"
#include "launcher/options/group_keys.hpp"
#include "launcher/options/ini_text.hpp"
#include "launcher/options/key_table.hpp"
#include "launcher/options/notes.hpp"
#include "launcher/options/site_file.hpp"

namespace trireme::options {

using base::InputError;
using base::str;

namespace {

Key key_of(const std::string& origin, const std::string& path) {
  if (path.find('.') == std::string::npos) {
    throw InputError(str(origin, ": key ", path, " stands before the first [section]"));
  }
  return find_key(path);
}

// Adds to messages of set_value() and find_key() the text that they are about.
template <typename Function>
void with_origin(const std::string& origin, const Function& function) {
  try {
    function();
  } catch (const InputError& error) {
    const std::string what = error.what();
    throw InputError(what.rfind(origin + ": ", 0) == 0 ? what : str(origin, ": ", what));
  }
}

// Whether the key counts for the run.
bool counts(const std::string& path, const RunOptions& options) {
  const std::string section = path.substr(0, path.find('.'));
  if (path == "slurm.launcher") return !options.program.given();
  const bool of_every_run = section == "run" || section == "slurm";
  return of_every_run || (section == "program") == options.program.given();
}

void refuse_idle_key(const RunOptions& options, const std::string& path) {
  if (counts(path, options)) return;
  if (path == "slurm.launcher") {
    throw InputError("slurm.launcher does nothing in a [program] run: set program.launcher");
  }
  throw InputError(options.program.given()
                       ? str(path, " does nothing in a [program] run, which is somebody's own training: remove it, or ",
                             "put it into program.params for the command")
                       : str(path, " does nothing without program.command: give the command, or remove the key"));
}

// The name becomes the name of a directory and of a job.
void check_run_name(const std::string& name, const std::string& origin) {
  constexpr std::size_t kLongest = 200;
  const auto refuse = [&](const char* why) {
    std::string shown;
    for (const char c : name) shown += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
    throw InputError(
        str(origin, ": run.name = ", shown.substr(0, kLongest), " ", why,
            "; it names the run directory and the job: choose another, and set run.dir for another place"));
  };
  if (name.empty()) refuse("is empty");
  if (name == "." || name == "..") refuse("is a directory that is there already");
  if (name.find('/') != std::string::npos) refuse("holds a slash");
  if (name.front() == '-') refuse("begins with a minus sign");
  if (name.size() > kLongest) refuse("is longer than 200 bytes");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') refuse("holds a line break or another control character");
  }
}

/// The directory of a run's own run.ini, when it is another one than the file names: the run was moved, copied or
/// renamed, and goes on where it lies.
std::optional<std::filesystem::path> moved_directory(const std::string& file, const std::string& named,
                                                     const Overrides& overrides) {
  const std::filesystem::path path = file;
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  std::error_code unknown;
  if (path.filename() != "run.ini" || !std::filesystem::exists(directory / "attempts.jsonl", unknown)) return {};
  if (std::ranges::any_of(overrides, [](const auto& given) { return given.first == "run.dir"; })) return {};
  const auto here = std::filesystem::weakly_canonical(directory, unknown);
  if (here == std::filesystem::weakly_canonical(named, unknown)) return {};
  return here;
}

bool names_team(const std::string& list) {
  const auto items = base::split_list(list);
  return std::ranges::any_of(items, [](const base::ListItem& item) { return item.name.starts_with(kTeamPrefix); });
}

}  // namespace

RunOptions parse_run_options(const std::string& text, const std::string& origin, const Overrides& overrides) {
  RunOptions options;
  std::set<std::string> seen;
  with_origin(origin, [&] {
    for (const auto& [path, value] : base::parse_ini(text, origin)) {
      const Key key = key_of(origin, path);
      if (!seen.insert(path).second) throw InputError(str(path, " is given twice"));
      set_value(options, key, holds_quotes(key) ? value : base::ini_unquoted(value));
    }
  });
  for (const auto& given : overrides) {
    const std::string& path = given.first;
    const std::string& value = given.second;
    // One of the two lengths on the command line replaces the other one in the file.
    if (path == "train.steps") options.train.tokens = 0;
    if (path == "train.tokens") options.train.steps = 0;
    with_origin("command line", [&] { set_value(options, find_key(path), value); });
  }
  with_origin(origin, [&] { std::ranges::for_each(seen, [&](const auto& path) { refuse_idle_key(options, path); }); });
  with_origin("command line", [&] {
    for (const auto& [path, value] : overrides) refuse_idle_key(options, path);
  });
  return options;
}

RunOptions load_run_file(const std::string& path, const Overrides& overrides, std::vector<std::string>* notes) {
  const std::string text = read_ini_file(path, "run file");
  RunOptions options = parse_run_options(text, path, overrides);
  if (notes != nullptr)
    std::ranges::move(kept_by_file(parse_run_options(text, path), overrides), std::back_inserter(*notes));
  if (options.run.name.empty()) options.run.name = std::filesystem::path(path).stem().string();
  check_run_name(options.run.name, path);
  if (options.run.dir.empty()) options.run.dir = "runs/" + options.run.name;
  if (const auto moved = moved_directory(path, options.run.dir, overrides)) {
    if (notes != nullptr) {
      notes->push_back(
          str("the run of ", path, " was moved or copied from ", options.run.dir, ": it goes on where it is"));
    }
    options.run.dir = moved->string();
  }
  if (options.data.tree.empty() && (names_team(options.data.train) || names_team(options.data.valid))) {
    options.data.tree = default_team_tree().string();
  }
  return options;
}

RunOptions lasting(RunOptions options) {
  options.run.pause_at = 0;
  return options;
}

std::string to_ini(const RunOptions& options) {
  std::string text, section;
  for (const Key& key : keys_of(options)) {
    const std::optional<std::string> value = value_of(options, key);
    if (!value || !counts(key.path(), options)) continue;
    if (key.section != section) text += str(section.empty() ? "" : "\n", "[", key.section, "]\n");
    section = key.section;
    text += key.name + " = " + (holds_quotes(key) ? *value : base::ini_quoted(*value)) + "\n";
  }
  return text;
}

std::map<std::string, std::string> to_map(const RunOptions& options) {
  std::map<std::string, std::string> values;
  for (const Key& key : keys_of(options)) {
    const std::optional<std::string> value = value_of(options, key);
    if (value && counts(key.path(), options)) values[key.path()] = *value;
  }
  return values;
}

std::vector<std::string> names_of(const std::string& list) {
  std::vector<std::string> names;
  for (const base::ListItem& item : base::split_list(list)) {
    if (!item.rest.empty()) throw InputError(str("a comma is missing after \"", item.name, "\" in the list ", list));
    if (!item.name.empty()) names.push_back(item.name);
  }
  return names;
}

}  // namespace trireme::options
