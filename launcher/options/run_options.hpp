// The run file: what trains, on what, how. Plain values with default and unit beside each field. An empty optional or
// text means "the default that depends on other keys", which resolve() fills in (resolve.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/spec/config.hpp"
#include "slurm/submit/geometry.hpp"

namespace trireme::options {

struct RunSection {
  std::string name;           ///< default: the run file's name without .ini
  std::string dir;            ///< run directory; default: runs/<name>
  std::int64_t seed = 1;      ///< random seed: initial weights, dropout and the order of samples
  std::int64_t pause_at = 0;  ///< step at which this attempt ends, saved; 0: never
};

/// What was given of a model's properties (models/spec/properties.hpp). A property that is left out comes from the
/// preset, from the checkpoint to start from, or from the family.
struct ModelSection : spec::ModelProperties<std::optional> {
  std::string preset;     ///< a published model; keys given beside it win
  std::string init_from;  ///< step directory of a checkpoint: weights only, training starts at step 0
  std::string arch;       ///< the family; default: the preset's, else llama

  bool operator==(const ModelSection&) const = default;
};

struct DataSection {
  std::string train;      ///< "A.h5 0.7, B.h5 0.3": datasets with weights; no weights: in proportion to their size
  std::string valid;      ///< the same without weights; empty: no validation
  std::string tokenizer;  ///< default: the one recorded in the dataset
  std::string tree;       ///< where team:NAME is looked up; default: the site file's team_tree, else runs
  std::string skip;       ///< "960-1023, 2048": positions in the order of samples that are left out
};

/// Masked language modelling, how a model with mask = full is trained (io/tokens/masking.hpp). Nothing is set for
/// another model; resolve() completes the section for one.
struct MaskingSection {
  std::optional<double> fraction;      ///< probability that a token is chosen, to be predicted; default: 0.15
  std::optional<double> mask_token;    ///< probability that the tokenizer's mask token replaces it; default: 0.8
  std::optional<double> random_token;  ///< probability that a random token does; else it stays; default: 0.1
  std::optional<bool> whole_words;     ///< whether the tokens of a word are chosen together; default: false
};

/// Supervised fine-tuning: which tokens of conversations are learned.
struct SftSection {
  std::string loss = "all";  ///< all | last: the responses of every turn, or of the last one
};

struct ParallelSection {
  std::int64_t tp = 1;
  std::int64_t pp = 1;
  std::int64_t dp = 0;  ///< 0: what is left of the ranks
  std::string schedule = "1f1b";
  std::int64_t chunks = 1;                ///< per stage
  std::optional<bool> sequence_parallel;  ///< default: on when tp > 1
  std::int64_t zero = 0;                  ///< stage of ZeRO: 0 or 1
  std::int64_t bucket_mb = 0;             ///< MiB of gradients per reduction over dp; 0: chosen by the device
};

struct TrainSection {
  std::int64_t steps = 0;           ///< optimizer steps; exactly one of steps and tokens is given
  std::int64_t tokens = 0;          ///< training ends with the step that reaches them
  std::string stop_when;            ///< "plateau N" or "target X" (stop_rule.hpp); "": only at the last step
  std::int64_t global_batch = 256;  ///< sequences
  std::int64_t micro_batch = 4;     ///< sequences
  std::string precision;            ///< fp32, bf16, fp64; default: bf16 on a GPU, fp32 on a CPU
  std::string recompute = "none";
  bool deterministic = false;
  double step_timeout = 0;  ///< seconds without a step that count as hung; 0: 20 times the longest, at least 600
  std::int64_t dump_gradients = 0;          ///< step whose gradients are written; 0: never
  std::string device = "auto";              ///< auto, cpu, cuda
  std::string on_spike = "none";            ///< none, stop, skip, rollback
  std::int64_t spike_window = 64;           ///< losses that a new one is compared with
  double spike_score = 10;                  ///< robust z-score from which a loss is a spike
  std::string on_nonfinite = "stop";        ///< stop, skip, rollback
  std::int64_t compare_replicas_every = 0;  ///< steps; 0: never
  std::int64_t straggler_every = 10;        ///< steps
  double straggler_factor = 1.5;            ///< times the median of the ranks with the same work; 0: off
  double straggler_seconds = 120;
};

struct OptimizerSection {
  std::string name = "adamw";  ///< adamw, muon, sgd, lion
  double lr = 3e-4;
  std::optional<double> min_lr;        ///< default: lr / 10
  std::optional<double> beta1;         ///< default: 0.9
  std::optional<double> beta2;         ///< default: 0.95; 0.99 with lion
  std::optional<double> eps;           ///< default: 1e-8
  std::optional<double> momentum;      ///< default: 0.95 with muon, 0.9 with sgd
  std::optional<bool> nesterov;        ///< default: true with muon, false with sgd
  std::string muon_lr;                 ///< match_rms_adamw, original; default: match_rms_adamw with muon
  std::optional<double> weight_decay;  ///< default: 0.1; 1e-4 with sgd
  double clip = 1.0;                   ///< global gradient norm; 0: off
  std::string lr_schedule = "cosine";
  std::optional<std::int64_t> warmup_steps;  ///< default: 2% of the steps, at most 2000
  std::int64_t decay_steps = 0;              ///< 0: to the end of the training (wsd: the last tenth)
};

/// [group.NAME]: tensors that are trained alike (models/layout/state_map.hpp).
struct GroupSection {
  std::string name;
  std::string match;                   ///< "embed.*, layers.*.ffn.*": patterns of tensors' names
  double lr_scale = 1.0;               ///< factor on the learning rate
  std::optional<double> weight_decay;  ///< default: optimizer.weight_decay, or that of another optimizer
  std::string optimizer;               ///< default: optimizer.name
  bool frozen = false;
};

struct CheckpointSection {
  std::int64_t every_steps = 0;                 ///< 0: never by steps
  std::optional<double> every_minutes;          ///< 0: never by time; default: automatic if not by steps
  std::int64_t keep = 3;                        ///< how many of the newest stay
  std::int64_t keep_every = 0;                  ///< steps divisible by it stay for good; 0: none
  bool async = true;                            ///< whether saves run beside the training
  double host_memory = 0;                       ///< GiB of a node for snapshots; 0: a quarter of what the job may use
  std::optional<std::int64_t> shards_per_node;  ///< files; default: by measured bandwidth
  std::string fast_dir;                         ///< a directory that every node has of its own; "": none
  std::int64_t fast_every_steps = 10;           ///< steps between saves in fast_dir
  std::optional<bool> fast_persists;            ///< whether fast_dir outlives the job; nothing: as the site file said
  bool keep_best = false;                       ///< whether the one with the lowest validation loss stays
  bool preflight = true;                        ///< whether to check before the first step that saving will work
  std::string allow;  ///< tensors that may be missing or unexpected when loading: "a, b"; "grow:a"
};

struct LogSection {
  std::int64_t every_steps = 1;
  std::int64_t valid_every_steps = 250;  ///< 0: never
  std::int64_t valid_samples = 256;
  std::string sample_prompts;       ///< prompts, separated by commas, that the model continues at each validation
  std::int64_t sample_tokens = 64;  ///< of each continuation, at most
  bool tensorboard = false;         ///< whether metrics.jsonl is also written as TensorBoard's event files
};

/// Somebody's own training instead of Trireme's (docs/program.md).
struct ProgramSection {
  std::string command;               ///< for /bin/sh; "": the run is Trireme's own training
  std::string launcher = "none";     ///< none, mpirun, srun, torchrun
  std::string params;                ///< "lr = 3e-4, layers = 12"
  std::string stop_signal = "TERM";  ///< TERM, USR1, USR2, INT, HUP
  std::int64_t stop_seconds = 120;   ///< from the stop signal until what still runs is killed
  std::string save_signal = "none";  ///< none, USR1, USR2, HUP

  bool given() const { return !command.empty(); }
};

struct RunOptions {
  RunSection run;
  ProgramSection program;
  ModelSection model;
  DataSection data;
  MaskingSection masking;
  SftSection sft;
  ParallelSection parallel;
  TrainSection train;
  OptimizerSection optimizer;
  std::vector<GroupSection> groups;  ///< in the order of the run file: a tensor belongs to the first that matches
  CheckpointSection checkpoint;
  LogSection log;
  slurm::JobRequest slurm;  ///< what `trireme submit` asks for; training does not depend on it
};

/// "section.key" and its value as text, in order.
using Overrides = std::vector<std::pair<std::string, std::string>>;

/// Reads INI text, then applies `overrides`, which win. An override of train.steps also replaces train.tokens, and the
/// other way round. `origin` names the text in messages. Throws base::InputError in one sentence: unknown section or
/// key (naming the nearest), a key given twice, not a number, not an allowed value, out of range, a key that does
/// nothing because the run has a [program] section or has none.
RunOptions parse_run_options(const std::string& text, const std::string& origin, const Overrides& overrides = {});

/// Reads the file. Sets run.name, if it is not given, from the file's name, and run.dir. A run.ini that lies in a run
/// directory which was moved or copied is about the run there, unless the overrides name a run.dir. Adds to `notes`
/// what the file keeps although the overrides seem to change it (kept_by_file). Throws base::InputError when the file
/// is unreadable, and for a run.name that cannot name a directory and a job: ".", "..", with a slash or a control
/// character, with "-" first.
RunOptions load_run_file(const std::string& path, const Overrides& overrides = {},
                         std::vector<std::string>* notes = nullptr);

/// What is kept of the options for later attempts, in run.ini and in checkpoints: all but run.pause_at, which is about
/// one attempt.
RunOptions lasting(RunOptions options);

/// Writes INI text that parse_run_options() reads back to the same values: of a [program] run the sections that count
/// for it, of any other run all but [program].
std::string to_ini(const RunOptions& options);

/// Maps "section.key" to its value as to_ini() writes it, and of the same sections; keys without a value are left out.
std::map<std::string, std::string> to_map(const RunOptions& options);

/// Splits `a, "b,c", d` into a; b,c; d. Throws base::InputError when something follows a closing quote.
std::vector<std::string> names_of(const std::string& list);

}  // namespace trireme::options
