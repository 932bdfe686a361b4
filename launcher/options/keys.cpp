// The contents of the key table.
#include "launcher/options/key_table.hpp"
#include "launcher/options/model_keys.hpp"
#include "models/spec/properties.hpp"

#define TRIREME_FIELD(type, member) FieldOf<type>([](RunOptions& options) -> type& { return options.member; })

namespace trireme::options {
namespace {

using Integer = std::int64_t;
using Real = double;
using Truth = bool;
using Word = std::string;
using OptionalInteger = std::optional<std::int64_t>;
using OptionalReal = std::optional<double>;
using OptionalTruth = std::optional<bool>;

constexpr double kAny = std::numeric_limits<double>::infinity();
// Past any use, and low enough that sizes multiply without overflow.
constexpr double kMostRanks = 1e6;
constexpr double kMostChunks = 1e3;
constexpr double kMostBucketMb = 1 << 20;
constexpr double kMostTokens = 1e17;

// A table reads better with few lines an entry.
// clang-format off
void add_run(std::vector<Key>& keys) {
  keys.push_back({"run", "name", TRIREME_FIELD(Word, run.name), "", "name of the run",
                  "the run file's, without .ini"});
  keys.push_back({"run", "dir", TRIREME_FIELD(Word, run.dir), "",
                  "run directory: checkpoints, metrics, logs; holding a checkpoint, the training resumes from it",
                  "runs/NAME"});
  keys.push_back({"run", "seed", TRIREME_FIELD(Integer, run.seed), "",
                  "random seed (initial weights, dropout, sample order)", "", {}, 0, kAny});
  keys.push_back({"run", "pause_at", TRIREME_FIELD(Integer, run.pause_at), "step",
                  "this attempt ends with 75 after that step, or at once past it, with a checkpoint; the next one goes on "
                  "where its own pause_at lets it; 0: never", "", {}, 0, kAny});
}

void add_program(std::vector<Key>& keys) {
  keys.push_back({"program", "command", TRIREME_FIELD(Word, program.command), "",
                  "a training of your own, in any language, for /bin/sh: python train.py --lr {lr}; then no section but "
                  "[run] and [slurm] counts beside this one"});
  keys.push_back({"program", "launcher", TRIREME_FIELD(Word, program.launcher), "",
                  "what starts the command: none (one process on the first node), mpirun or srun (ranks_per_node on each "
                  "node), torchrun (one on each node, which starts ranks_per_node)", "", {"none", "mpirun", "srun", "torchrun"}});
  keys.push_back({"program", "params", TRIREME_FIELD(Word, program.params), "",
                  "values for {name} in the command and for $TRIREME_PARAM_name: lr = 3e-4, layers = 12"});
  keys.push_back({"program", "stop_signal", TRIREME_FIELD(Word, program.stop_signal), "",
                  "signal that asks the program to save and end, sent once to the process of each rank; TERM is also what most "
                  "clusters send before a preemption", "", {"TERM", "USR1", "USR2", "INT", "HUP"}});
  keys.push_back({"program", "stop_seconds", TRIREME_FIELD(Integer, program.stop_seconds), "seconds",
                  "from the stop signal to the end; what still runs then is killed", "", {}, 1, 86400});
  keys.push_back({"program", "save_signal", TRIREME_FIELD(Word, program.save_signal), "",
                  "signal that asks the program to save and go on (trireme save); none: it cannot be asked", "",
                  {"none", "USR1", "USR2", "HUP"}});
}

void add_data(std::vector<Key>& keys) {
  keys.push_back({"data", "train", TRIREME_FIELD(Word, data.train), "",
                  "token datasets with weights: A.h5 0.7, B.h5 0.3; without weights in proportion to their size; team:NAME is one "
                  "of the team's"});
  keys.push_back({"data", "valid", TRIREME_FIELD(Word, data.valid), "",
                  "token datasets for validation, without weights; none: no validation"});
  keys.push_back({"data", "tokenizer", TRIREME_FIELD(Word, data.tokenizer), "",
                  "tokenizer.json that the datasets must have been made with", "the one recorded in the dataset"});
  keys.push_back({"data", "tree", TRIREME_FIELD(Word, data.tree), "",
                  "the team's directory, in which datasets called team:NAME are looked up (trireme data)",
                  "the site file's team_tree, else runs"});
  keys.push_back({"data", "skip", TRIREME_FIELD(Word, data.skip), "",
                  "positions in the order of samples, and ranges of them, that are never trained on: 960-1023, 2048"});
}

void add_sft(std::vector<Key>& keys) {
  keys.push_back({"sft", "loss", TRIREME_FIELD(Word, sft.loss), "",
                  "conversations (trireme prepare --chat): the responses that are learned; all: those of every turn, last: the "
                  "last of each conversation", "", {"all", "last"}});
}

void add_masking(std::vector<Key>& keys) {
  keys.push_back({"masking", "fraction", TRIREME_FIELD(OptionalReal, masking.fraction), "",
                  "masked language modelling, which trains models with mask = full: probability that a token is chosen, to be "
                  "predicted; tokens of the tokenizer's own ([CLS], [SEP]) never are", "0.15", {}, 0, 1, true});
  keys.push_back({"masking", "mask_token", TRIREME_FIELD(OptionalReal, masking.mask_token), "",
                  "probability that a chosen token is replaced by the tokenizer's mask token ([MASK])", "0.8", {}, 0, 1});
  keys.push_back({"masking", "random_token", TRIREME_FIELD(OptionalReal, masking.random_token), "",
                  "probability that a chosen token is replaced by a random one; what is left to 1 stays as it is", "0.1", {}, 0, 1});
  keys.push_back({"masking", "whole_words", TRIREME_FIELD(OptionalTruth, masking.whole_words), "",
                  "all tokens of a word are chosen together", "false"});
}

void add_parallel(std::vector<Key>& keys) {
  keys.push_back({"parallel", "tp", TRIREME_FIELD(Integer, parallel.tp), "ranks",
                  "tensor parallel: each layer's matrices divided; divides heads", "", {}, 1, kMostRanks});
  keys.push_back({"parallel", "pp", TRIREME_FIELD(Integer, parallel.pp), "stages",
                  "pipeline parallel: layers divided by cost", "", {}, 1, kMostRanks});
  keys.push_back({"parallel", "dp", TRIREME_FIELD(Integer, parallel.dp), "replicas",
                  "data parallel: each global batch divided; 0: what is left of the ranks", "", {}, 0, kMostRanks});
  keys.push_back({"parallel", "schedule", TRIREME_FIELD(Word, parallel.schedule), "", "pipeline schedule", "",
                  {"gpipe", "1f1b", "interleaved"}});
  keys.push_back({"parallel", "chunks", TRIREME_FIELD(Integer, parallel.chunks), "",
                  "chunks of layers per stage (virtual stages), with interleaved or gpipe", "", {}, 1, kMostChunks});
  keys.push_back({"parallel", "sequence_parallel", TRIREME_FIELD(OptionalTruth, parallel.sequence_parallel), "",
                  "activations between blocks divided along the sequence over tp", "true when tp > 1"});
  keys.push_back({"parallel", "zero", TRIREME_FIELD(Integer, parallel.zero), "",
                  "stage of ZeRO: 0, or 1: optimizer state divided over dp", "", {"0", "1"}});
  keys.push_back({"parallel", "bucket_mb", TRIREME_FIELD(Integer, parallel.bucket_mb), "MiB",
                  "gradients summed over dp at a time, while backward goes on; 0: 16 on CPUs, on GPUs an eighth of a "
                  "rank's gradients, 32 to 256", "", {}, 0, kMostBucketMb});
}

void add_train(std::vector<Key>& keys) {
  keys.push_back({"train", "steps", TRIREME_FIELD(Integer, train.steps), "steps",
                  "optimizer steps of the whole training; give this or tokens", "-", {}, 0, kMostTokens});
  keys.push_back({"train", "tokens", TRIREME_FIELD(Integer, train.tokens), "tokens",
                  "train on this many tokens (rounded up to a whole step); may be written 300e9", "-", {}, 0, kMostTokens});
  keys.push_back({"train", "stop_when", TRIREME_FIELD(Word, train.stop_when), "",
                  "ends the run at a validation: `plateau N`: N in a row had no new lowest valid_loss; `target X`: valid_loss is "
                  "at most X; none: only the last step ends it"});
  keys.push_back({"train", "global_batch", TRIREME_FIELD(Integer, train.global_batch), "sequences",
                  "sequences per optimizer step over all replicas, whatever the layout", "", {}, 1, spec::kMostSize});
  keys.push_back({"train", "micro_batch", TRIREME_FIELD(Integer, train.micro_batch), "sequences",
                  "sequences in one forward pass of one replica", "", {}, 1, spec::kMostSize});
  keys.push_back({"train", "precision", TRIREME_FIELD(Word, train.precision), "",
                  "precision of the arithmetic; bf16 keeps fp32 master weights and sums", "bf16 on GPUs, fp32 on CPUs", {"fp32",
                  "bf16", "fp64"}});
  keys.push_back({"train", "recompute", TRIREME_FIELD(Word, train.recompute), "",
                  "activations computed again in backward instead of kept: none, those inside attention and "
                  "feed-forward blocks, or all but each layer's input", "", {"none", "selective", "full"}});
  keys.push_back({"train", "step_timeout", TRIREME_FIELD(Real, train.step_timeout), "seconds",
                  "seconds without a step after which the run counts as hung: it ends and names the ranks that are missing; "
                  "0: 20 times the longest step so far, at least 600", "", {}, 0, kAny});
  keys.push_back({"train", "deterministic", TRIREME_FIELD(Truth, train.deterministic), "",
                  "only algorithms that give the same bits every time (CPUs always do)"});
  keys.push_back({"train", "dump_gradients", TRIREME_FIELD(Integer, train.dump_gradients), "step",
                  "writes this step's gradients before clipping to the run directory's gradients/; 0: never", "", {}, 0, kAny});
  keys.push_back({"train", "device", TRIREME_FIELD(Word, train.device), "", "auto: GPUs when visible", "", {"auto",
                  "cpu", "cuda"}});
  keys.push_back({"train", "on_spike", TRIREME_FIELD(Word, train.on_spike), "",
                  "what to do when a loss is far above those before it, before anything is updated: nothing; end the attempt; "
                  "leave the batch out; go back to the newest checkpoint and leave the batch out", "",
                  {"none", "stop", "skip", "rollback"}});
  keys.push_back({"train", "spike_window", TRIREME_FIELD(Integer, train.spike_window), "steps",
                  "newest losses that a loss is compared with", "", {}, 4, 1e4});
  keys.push_back({"train", "spike_score", TRIREME_FIELD(Real, train.spike_score), "",
                  "robust z-score (distance from the window's median over 1.4826 times its median absolute deviation) from which "
                  "a loss is a spike", "", {}, 0, kAny, true});
  keys.push_back({"train", "on_nonfinite", TRIREME_FIELD(Word, train.on_nonfinite), "",
                  "what to do when a loss or gradient norm is not finite, before anything is updated: as for on_spike", "",
                  {"stop", "skip", "rollback"}});
  keys.push_back({"train", "compare_replicas_every", TRIREME_FIELD(Integer, train.compare_replicas_every), "steps",
                  "steps between comparisons of the replicas' parameters by a hash, which finds silent corruption; also "
                  "before each save; 0: never. All nodes must have the same kind of processor", "", {}, 0, kAny});
  keys.push_back({"train", "straggler_every", TRIREME_FIELD(Integer, train.straggler_every), "steps",
                  "steps between looks at the ranks' compute times", "", {}, 1, kAny});
  keys.push_back({"train", "straggler_factor", TRIREME_FIELD(Real, train.straggler_factor), "",
                  "warn of a rank that takes this many times the compute time of its peers (the median of its pipeline stage); 0: off", "", {}, 0, kAny});
  keys.push_back({"train", "straggler_seconds", TRIREME_FIELD(Real, train.straggler_seconds), "seconds",
                  "for at least this long", "", {}, 0, kAny});
}

void add_optimizer(std::vector<Key>& keys) {
  keys.push_back({"optimizer", "name", TRIREME_FIELD(Word, optimizer.name), "",
                  "adamw; muon for the matrices of the layers, with adamw for all else; sgd (with momentum); lion: "
                  "docs/optimizers.md", "", {"adamw", "muon", "sgd", "lion"}});
  keys.push_back({"optimizer", "lr", TRIREME_FIELD(Real, optimizer.lr), "", "highest learning rate", "", {},
                  0, kAny, true});
  keys.push_back({"optimizer", "min_lr", TRIREME_FIELD(OptionalReal, optimizer.min_lr), "",
                  "learning rate at the end of the decay", "lr / 10", {}, 0, kAny});
  keys.push_back({"optimizer", "beta1", TRIREME_FIELD(OptionalReal, optimizer.beta1), "",
                  "adamw's decay of the first moment; lion's share of its momentum in a step; sgd has none", "0.9", {}, 0, 1, false, true});
  keys.push_back({"optimizer", "beta2", TRIREME_FIELD(OptionalReal, optimizer.beta2), "",
                  "adamw's decay of the second moment; lion's of its momentum; sgd has none", "0.95; 0.99 with lion", {}, 0, 1, false, true});
  keys.push_back({"optimizer", "eps", TRIREME_FIELD(OptionalReal, optimizer.eps), "",
                  "adamw's, added to the root of the second moment; sgd and lion have none", "1e-8", {}, 0, kAny, true});
  keys.push_back({"optimizer", "momentum", TRIREME_FIELD(OptionalReal, optimizer.momentum), "",
                  "of muon and sgd: the share of past gradients that a step keeps", "0.95 with muon, 0.9 with sgd", {}, 0, 1, false, true});
  keys.push_back({"optimizer", "nesterov", TRIREME_FIELD(OptionalTruth, optimizer.nesterov), "",
                  "of muon and sgd: the newest gradient counts once more than in the momentum", "true with muon, false with sgd"});
  keys.push_back({"optimizer", "muon_lr", TRIREME_FIELD(Word, optimizer.muon_lr), "",
                  "lr of muon's matrices, (out, in): times 0.2 sqrt(max(out, in)), so that lr and weight_decay of adamw fit "
                  "(match_rms_adamw), or times sqrt(max(1, out / in)) (original)", "match_rms_adamw with muon",
                  {"match_rms_adamw", "original"}});
  keys.push_back({"optimizer", "weight_decay", TRIREME_FIELD(OptionalReal, optimizer.weight_decay), "",
                  "on matrices only; decoupled, or with sgd added to the gradient", "0.1; 1e-4 with sgd", {}, 0, kAny});
  keys.push_back({"optimizer", "clip", TRIREME_FIELD(Real, optimizer.clip), "",
                  "gradients are scaled down to this global norm; 0: off", "", {}, 0, kAny});
  keys.push_back({"optimizer", "lr_schedule", TRIREME_FIELD(Word, optimizer.lr_schedule), "",
                  "after the warm-up: constant, falling to min_lr along a line or a half cosine, or stable and "
                  "falling at the end (wsd)", "", {"constant", "linear", "cosine", "wsd"}});
  keys.push_back({"optimizer", "warmup_steps", TRIREME_FIELD(OptionalInteger, optimizer.warmup_steps), "steps",
                  "the learning rate rises linearly to lr", "2% of the steps, at most 2000", {}, 0, kAny});
  keys.push_back({"optimizer", "decay_steps", TRIREME_FIELD(Integer, optimizer.decay_steps), "steps",
                  "length of the decay; 0: to the end of the training (wsd: the last tenth)", "", {}, 0, kAny});
}

void add_checkpoint(std::vector<Key>& keys) {
  keys.push_back({"checkpoint", "every_steps", TRIREME_FIELD(Integer, checkpoint.every_steps), "steps",
                  "steps between checkpoints; 0: never by steps", "", {}, 0, kAny});
  keys.push_back({"checkpoint", "every_minutes", TRIREME_FIELD(OptionalReal, checkpoint.every_minutes), "minutes",
                  "minutes between checkpoints; 0: never by time; auto: chosen from save cost and failure rate",
                  "auto, or 0 with every_steps", {}, 0, kAny});
  keys.push_back({"checkpoint", "keep", TRIREME_FIELD(Integer, checkpoint.keep), "checkpoints",
                  "newest checkpoints to keep", "", {}, 2, kAny});
  keys.push_back({"checkpoint", "keep_every", TRIREME_FIELD(Integer, checkpoint.keep_every), "steps",
                  "also keep checkpoints of steps divisible by this, for good; 0: none", "", {}, 0, kAny});
  keys.push_back({"checkpoint", "keep_best", TRIREME_FIELD(Truth, checkpoint.keep_best), "",
                  "also keep the checkpoint with the lowest validation loss; a validation with a new lowest one saves"});
  keys.push_back({"checkpoint", "async", TRIREME_FIELD(Truth, checkpoint.async), "",
                  "saves beside the training, from a copy of the state; else the training waits for each save"});
  keys.push_back({"checkpoint", "host_memory", TRIREME_FIELD(Real, checkpoint.host_memory), "GiB",
                  "most memory of a node that copies of the state may take; what does not fit is written while the "
                  "training waits; 0: a quarter of what the job may use", "", {}, 0, kAny});
  keys.push_back({"checkpoint", "shards_per_node", TRIREME_FIELD(OptionalInteger, checkpoint.shards_per_node), "files",
                  "most HDF5 files that a node writes per checkpoint; auto: 8 or one a rank, then the number with which the "
                  "first saves were fastest", "auto", {}, 1, 1e6});
  keys.push_back({"checkpoint", "fast_dir", TRIREME_FIELD(Word, checkpoint.fast_dir), "",
                  "absolute path of a directory that every node has of its own (a local disk, /dev/shm): the state is also "
                  "saved there, with a copy on the next node, for restarts in the same job"});
  keys.push_back({"checkpoint", "fast_every_steps", TRIREME_FIELD(Integer, checkpoint.fast_every_steps), "steps",
                  "steps between saves in fast_dir; one that is due while another save goes on is left out", "", {}, 1, kAny});
  keys.push_back({"checkpoint", "fast_persists", TRIREME_FIELD(OptionalTruth, checkpoint.fast_persists), "",
                  "the site keeps fast_dir after the job: later jobs look there too, and nobody deletes it at the end of "
                  "a job; auto: as node_directories_persist of the site file says at `trireme submit`, else false",
                  "auto"});
  keys.push_back({"checkpoint", "preflight", TRIREME_FIELD(Truth, checkpoint.preflight), "",
                  "before the first step: room on the disk for keep + 1 checkpoints, memory for copies of the state, and a "
                  "trial save; a run that could not save ends there"});
  keys.push_back({"checkpoint", "allow", TRIREME_FIELD(Word, checkpoint.allow), "",
                  "names of tensors, separated by commas, that may be missing or unexpected when loading; `grow:` before a "
                  "name: that tensor may have fewer rows in the checkpoint, new ones start from initial values; `slot:` before the "
                  "name of a slot, as slot:adam_m: all tensors in that slot, for another optimizer"});
}

void add_log(std::vector<Key>& keys) {
  keys.push_back({"log", "every_steps", TRIREME_FIELD(Integer, log.every_steps), "steps",
                  "steps between printed lines (metrics.jsonl has every step)", "", {}, 1, kAny});
  keys.push_back({"log", "valid_every_steps", TRIREME_FIELD(Integer, log.valid_every_steps), "steps",
                  "steps between validations; always one at the end; 0: never", "", {}, 0, kAny});
  keys.push_back({"log", "valid_samples", TRIREME_FIELD(Integer, log.valid_samples), "sequences",
                  "sequences used by each validation, the first ones of data.valid; 0: all", "", {}, 0, kAny});
  keys.push_back({"log", "sample_prompts", TRIREME_FIELD(Word, log.sample_prompts), "",
                  "prompts that the model continues at each validation, for the report: Once, \"Well, he said\"; quotes where a "
                  "prompt has a comma"});
  keys.push_back({"log", "sample_tokens", TRIREME_FIELD(Integer, log.sample_tokens), "tokens",
                  "longest continuation of a prompt, within the model's sequence", "", {}, 1, 1e6});
  keys.push_back({"log", "tensorboard", TRIREME_FIELD(Truth, log.tensorboard), "",
                  "also write event files for TensorBoard in the run directory: all of metrics.jsonl, and of a sweep's trials "
                  "what varies"});
}

void add_slurm(std::vector<Key>& keys) {
  constexpr double kMostNodes = 1e6;
  keys.push_back({"slurm", "nodes", TRIREME_FIELD(Integer, slurm.nodes), "", "nodes of the job", "", {}, 1, kMostNodes});
  keys.push_back({"slurm", "min_nodes", TRIREME_FIELD(Integer, slurm.min_nodes), "",
                  "fewest nodes that the job, or a requeue of it, may start with when not all are free; asks for whole nodes; 0: all",
                  "", {}, 0, kMostNodes});
  keys.push_back({"slurm", "gpus_per_node", TRIREME_FIELD(Integer, slurm.gpus_per_node), "",
                  "GPUs of a node; -1: all that a node of the partition has", "", {}, -1, 1024});
  keys.push_back({"slurm", "ranks_per_node", TRIREME_FIELD(Integer, slurm.ranks_per_node), "",
                  "ranks on a node; 0: one for each GPU; to be given on nodes without", "", {}, 0, 4096});
  keys.push_back({"slurm", "cpus_per_task", TRIREME_FIELD(Integer, slurm.cpus_per_task), "cores",
                  "cores of a rank; 0: an equal share of the node's", "", {}, 0, 4096});
  keys.push_back({"slurm", "mem", TRIREME_FIELD(Word, slurm.mem), "",
                  "memory of a node, as sbatch --mem takes it; 0: all",
                  "all of a node that the job has to itself, else its CPUs' share"});
  keys.push_back({"slurm", "time", TRIREME_FIELD(Word, slurm.time), "",
                  "time limit of a job, 12:00:00; the run goes on over as many jobs as it needs",
                  "the partition's limit, at most a day"});
  keys.push_back({"slurm", "partition", TRIREME_FIELD(Word, slurm.partition), "", "where to queue",
                  "the site's"});
  keys.push_back({"slurm", "account", TRIREME_FIELD(Word, slurm.account), "", "account to bill",
                  "the site's"});
  keys.push_back({"slurm", "qos", TRIREME_FIELD(Word, slurm.qos), "", "quality of service", "the account's"});
  keys.push_back({"slurm", "constraint", TRIREME_FIELD(Word, slurm.constraint), "", "features that nodes must have"});
  keys.push_back({"slurm", "launcher", TRIREME_FIELD(Word, slurm.launcher), "",
                  "what starts the ranks; auto: srun --mpi=pmix where preemption gives notice by SIGTERM (which ends "
                  "mpirun's daemons), else mpirun", "", {"auto", "mpirun", "srun"}});
  keys.push_back({"slurm", "gpu_request", TRIREME_FIELD(Word, slurm.gpu_request), "",
                  "how GPUs are asked for, {gpus} standing for their number",
                  "the site's, else --gpus-per-node={gpus}"});
  keys.push_back({"slurm", "extra", TRIREME_FIELD(Word, slurm.extra), "", "further words for sbatch"});
  keys.push_back({"slurm", "queue_seconds", TRIREME_FIELD(Integer, slurm.queue_seconds), "seconds",
                  "between two questions to the queue while runs train, one for all your jobs; submit raises it to the site's", "", {}, 10, 86400});
  keys.push_back({"slurm", "spare_seconds", TRIREME_FIELD(Integer, slurm.spare_seconds), "seconds",
                  "between two looks of a --spare job at the cluster, each an sinfo and an squeue; submit raises it to the site's queue_seconds", "", {}, 5, 86400});
}

// clang-format on
std::vector<Key> make_table() {
  std::vector<Key> keys;
  add_run(keys);
  add_program(keys);
  add_model_keys(keys);
  add_data(keys);
  add_masking(keys);
  add_sft(keys);
  add_parallel(keys);
  add_train(keys);
  add_optimizer(keys);
  add_checkpoint(keys);
  add_log(keys);
  add_slurm(keys);
  return keys;
}

}  // namespace

const std::vector<Key>& key_table() {
  static const std::vector<Key> table = make_table();
  return table;
}

}  // namespace trireme::options

#undef TRIREME_FIELD
