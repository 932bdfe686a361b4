#include "launcher/options/run_arguments.hpp"

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"

namespace trireme::options {

namespace {

// " (default 256 sequences)", " (tokens; default the preset's, else 1024)".
std::string remark(const Key& key) {
  const std::string value = default_of(key);
  if (value == "-") return key.unit.empty() ? "" : " (" + key.unit + ")";
  if (key.unit.empty()) return " (default " + value + ")";
  return key.default_words.empty() ? " (default " + value + " " + key.unit + ")"
                                   : " (" + key.unit + "; default " + value + ")";
}

}  // namespace

RunArguments::RunArguments(CommandLine& line, std::size_t most_files) {
  line.positionals("RUN.ini", files_, "the run file (docs/options.md)", 1, most_files);
  std::string section;
  for (const Key& key : key_table()) {
    if (key.section != section) line.heading("[" + key.section + "]");
    section = key.section;
    line.each(key.path(), value_name_of(key), key.help + remark(key),
              [this, path = key.path()](const std::string& value) { overrides_.emplace_back(path, value); });
  }
}

RunOptions RunArguments::load(std::size_t index) const { return load_run_file(files_.at(index), overrides_); }

TrainLine::TrainLine()
    : line("train", "trains what the run file says; resumes by itself from the run directory's newest checkpoint",
           "mpirun -n 4 trireme train run.ini\n"
           "mpirun -n 8 trireme train run.ini --parallel.tp=2 --optimizer.lr 1e-4"),
      run(line) {}

}  // namespace trireme::options
