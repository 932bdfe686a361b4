#include "launcher/options/run_arguments.hpp"

#include "base/error.hpp"
#include "launcher/options/key_table.hpp"

namespace trireme::options {

namespace {

// The remark behind a key in the help: " (default: 4)", " (tokens; default: the site's)", " (steps)".
std::string remark(const Key& key) {
  const std::string value = default_of(key);
  const std::string words =
      (key.unit.empty() || value == "-" ? key.unit : key.unit + "; ") + (value == "-" ? "" : "default: " + value);
  return words.empty() ? "" : " (" + words + ")";
}

}  // namespace

RunArguments::RunArguments(CommandLine& line, Listing listing, std::size_t most_files) {
  line.positionals("RUN.ini", files_, "the run file (docs/options.md)", 1, most_files);
  if (listing == Listing::kAside) {
    line.set_aside("help-keys", "print the keys of the run file, each of which may be given as --section.key=value");
  }
  std::string section;
  for (const Key& key : key_table()) {
    if (key.section != section) line.heading("[" + key.section + "]");
    section = key.section;
    line.each(key.path(), value_name_of(key), key.help + remark(key),
              [this, path = key.path()](const std::string& value) { overrides_.emplace_back(path, value); });
  }
}

RunOptions RunArguments::load(std::size_t index, std::vector<std::string>* notes) const {
  return load_run_file(files_.at(index), overrides_, notes);
}

TrainLine::TrainLine()
    : line("train", "trains what the run file says; resumes by itself from the run directory's newest checkpoint",
           "mpirun -n 4 trireme train run.ini\n"
           "mpirun -n 8 trireme train run.ini --parallel.tp=2 --optimizer.lr 1e-4"),
      run(line, Listing::kInHelp) {}

EvalLine::EvalLine()
    : line("eval", "loss and perplexity of a checkpoint on a dataset",
           "trireme eval run.ini\nmpirun -n 2 trireme eval run.ini --data other.h5 --parallel.tp=2"),
      run((declare(), line), Listing::kAside) {}

void EvalLine::declare() {
  line.value("data", data, "DATA.h5", "the dataset; default: data.valid of the run file");
  line.value("checkpoint", checkpoint, "DIR", "a checkpoint or a run directory; default: the run's newest");
  line.value("samples", samples, "N", "only the first N samples; 0 = all").range(0);
  line.flag("json", json, "print one JSON object");
}

GenerateLine::GenerateLine()
    : line("generate", "text from a checkpoint",
           "trireme generate run.ini --prompt \"Once upon a time\" --max-tokens 50 --temperature 0.8"),
      run((declare(), line), Listing::kAside) {}

void GenerateLine::declare() {
  line.value("prompt", prompt, "TEXT", "what the text begins with").required();
  line.value("max-tokens", max_tokens, "N", "at most this many new tokens").range(1);
  line.value("temperature", temperature, "T", "0 = greedy; higher = more surprising").range(0);
  line.value("top-k", top_k, "K", "only the K most likely tokens; 0 = all").range(0);
  line.value("top-p", top_p, "P", "only the most likely tokens that make up this probability").range(0, 1);
  line.value("seed", seed, "S", "random seed of the draw").range(0);
  line.value("checkpoint", checkpoint, "DIR", "a checkpoint or a run directory; default: the run's newest");
  line.flag("json", json, "print one JSON object");
}

}  // namespace trireme::options
