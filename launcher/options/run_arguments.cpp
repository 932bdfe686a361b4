#include "launcher/options/run_arguments.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/options/group_keys.hpp"
#include "launcher/options/key_table.hpp"

namespace trireme::options {

using base::str;

namespace {

// The remark behind a key in the help: " (default: 4)", " (tokens; default: the site's)", " (steps)".
std::string remark(const Key& key) {
  const std::string value = default_of(key);
  const std::string words =
      (key.unit.empty() || value == "-" ? key.unit : key.unit + "; ") + (value == "-" ? "" : "default: " + value);
  return words.empty() ? "" : " (" + words + ")";
}

}  // namespace

RunArguments::RunArguments(CommandLine& line, Listing listing, std::size_t most_files, Subject subject) {
  const bool model = subject == Subject::kModel;
  line.positionals(model ? "MODEL" : "RUN.ini", files_,
                   model ? "a run file, a run directory, a checkpoint or a Hugging Face directory (docs/evaluation.md)"
                         : "the run file (docs/options.md)",
                   1, most_files);
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
  std::vector<std::string> names;
  for (const Key& key : group_keys("NAME")) names.push_back(key.name);
  line.heading("[group.NAME]");
  line.family(kGroupPrefix, str(kGroupPrefix, "NAME.KEY"), "VALUE",
              str("of tensors that are trained alike; the keys are ", base::join(names)),
              [this](const std::string& path, const std::string& value) {
                const bool twice = std::ranges::any_of(overrides_, [&](const auto& one) { return one.first == path; });
                if (twice) throw base::InputError(str("--", path, " is given twice"));
                overrides_.emplace_back(path, value);
              });
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
    : line("eval", "loss of a model on datasets; log-probabilities, choices and embeddings of texts",
           "trireme eval run.ini\nmpirun -n 2 trireme eval runs/first --data other.h5 --parallel.tp=2\n"
           "trireme eval MODEL --logprobs pairs.jsonl -o scores.jsonl\n"
           "trireme eval MODEL --choices questions.jsonl --json\n"
           "trireme eval MODEL --embed texts.jsonl -o vectors.jsonl --normalize"),
      run((declare(), line), Listing::kAside, 1, Subject::kModel) {}

void EvalLine::declare() {
  line.values("data", data, "DATA.h5", "datasets, each with a result of its own; default: data.valid");
  line.value("samples", samples, "N", "only the first N samples of each dataset; 0 = all").range(0);
  line.value("sequence", sequence, "TOKENS", "length of the samples, at most the model's; 0 = the model's").range(0);
  line.value("checkpoint", checkpoint, "DIR",
             "for a run file: a checkpoint or a run directory; default: the run's newest checkpoint");
  line.value("logprobs", logprobs, "FILE.jsonl", "log-probability of each line's continuation after its context");
  line.value("choices", choices, "FILE.jsonl", "accuracy of choosing among each line's choices");
  line.value("embed", embed, "FILE.jsonl", "hidden states of each line's text");
  line.value("output,o", output, "OUT.jsonl", "results of --logprobs, --choices and --embed, a line for each line");
  line.flag("force", force, "replace the output if it is there");
  line.flag("per-token", per_token, "also write the log-probability of each token");
  line.value("special-tokens", special_tokens, "ANSWER",
             "whether texts get the tokens that the tokenizer's post-processor puts around them, if it has any")
      .one_of({"yes", "no"});
  line.value("pooling", pooling, "HOW",
             "how --embed makes one vector of the tokens' hidden states; none = writes every token's")
      .one_of({"mean", "first", "last", "pooler", "none"});
  line.flag("normalize", normalize, "scale embeddings to length 1");
  line.value("batch", batch, "N", "lines of the same length that are computed together at most").range(1, 4096);
  line.flag("json", json, "print one JSON object");
}

void DrawingOptions::declare(CommandLine& line) {
  line.value("max-tokens", max_tokens, "N", "at most this many new tokens").range(1);
  line.value("temperature", temperature, "T", "0 = greedy; higher = more surprising").range(0);
  line.value("top-k", top_k, "K", "only the K most likely tokens; 0 = all").range(0);
  line.value("top-p", top_p, "P", "only the most likely tokens that make up this probability").range(0, 1);
  line.value("seed", seed, "S", "random seed of the draw").range(0);
  line.values("stop", stop, "WORD", "a text ends before this word; several times for several words");
}

void DrawingOptions::check() const {
  for (const std::string& word : stop) {
    if (word.empty()) throw base::InputError("--stop is empty: give a word that ends the text");
  }
}

GenerateLine::GenerateLine()
    : line("generate", "text from a model",
           "trireme generate MODEL --prompt \"Once upon a time\" --max-tokens 50 --temperature 0.8\n"
           "trireme generate MODEL --prompts questions.jsonl -o answers.jsonl"),
      run((declare(), line), Listing::kAside, 1, Subject::kModel) {}

void GenerateLine::declare() {
  line.each("prompt", "TEXT", "what the text begins with", [this](const std::string& text) { prompt = text; });
  line.value("prompts", prompts, "FILE.jsonl",
             "lines {\"prompt\": …} or {\"messages\": […]}, and \"id\"; a line of JSON for each; - is standard input");
  line.flag("chat", chat, "a prompt is a user's message: put it into the model's chat template");
  line.value("special-tokens", special_tokens, "yes|no",
             "whether a prompt gets what the tokenizer puts in front of a text, as in transformers")
      .one_of({"yes", "no"});
  drawing.declare(line);
  line.value("batch", batch, "N", "with --prompts: texts that are written at a time").range(1, 4096);
  line.value("output,o", output, "FILE", "with --prompts: the file to write; default: standard output");
  line.flag("force", force, "replace the output if it is there");
  line.value("checkpoint", checkpoint, "DIR",
             "for a run file: a checkpoint or a run directory; default: the run's newest checkpoint");
  line.flag("json", json, "with --prompt: print one JSON object");
}

ChatLine::ChatLine()
    : line("chat", "a conversation with a model, in the terminal or line by line",
           "trireme chat MODEL\ntrireme chat MODEL --system \"You are brief.\" --temperature 0 < questions.txt"),
      run((declare(), line), Listing::kAside, 1, Subject::kModel) {}

void ChatLine::declare() {
  drawing.max_tokens = 512;
  line.value("system", system, "TEXT", "the system's message, in front of the conversation");
  drawing.declare(line);
  line.value("checkpoint", checkpoint, "DIR",
             "for a run file: a checkpoint or a run directory; default: the run's newest checkpoint");
  line.flag("json", json, "print one JSON object for each answer");
}

}  // namespace trireme::options
