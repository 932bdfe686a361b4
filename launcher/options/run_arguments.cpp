#include "launcher/options/run_arguments.hpp"

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"

namespace trireme::options {

RunArguments::RunArguments(CommandLine& line) {
  line.positionals("RUN.ini", files_, "the run file (docs/options.md)", 1, 1);
  std::string section;
  for (const Key& key : key_table()) {
    if (key.section != section) line.heading("[" + key.section + "]");
    section = key.section;
    std::string help = key.help + " (default " + default_of(key) + (key.unit.empty() ? "" : ", in " + key.unit) + ")";
    line.each(key.path(), placeholder_of(key), help,
              [this, path = key.path()](const std::string& value) { overrides_.emplace_back(path, value); });
  }
}

RunOptions RunArguments::load() const { return load_run_file(file(), overrides_); }

std::optional<RunOptions> parse_train_arguments(const Arguments& arguments) {
  CommandLine line("train",
                   "trains what the run file says; resumes by itself from the run directory's newest checkpoint",
                   "mpirun -n 4 trireme train run.ini\n"
                   "mpirun -n 8 trireme train run.ini --parallel.tp=2 --optimizer.lr 1e-4");
  const RunArguments run(line);
  if (!line.parse(arguments)) return std::nullopt;
  return run.load();
}

}  // namespace trireme::options
