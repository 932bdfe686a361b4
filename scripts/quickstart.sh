#!/usr/bin/env bash
# From nothing to a trained, killed and resumed model: installs and builds what is missing, then trains a small
# Llama on the King James Bible with 4 ranks, kills it half-way, lets it resume under another layout, and shows
# what came out. Everything it makes lies in quickstart/. A second call builds nothing and trains anew.
#   scripts/quickstart.sh                        trains from scratch
#   scripts/quickstart.sh --pretrained [HF_DIR]  goes on from a public model, a Hugging Face directory: imports it, trains
#                                                it with 2 ranks, kills and resumes it, exports it (default: SmolLM2-135M,
#                                                which scripts/peers.sh --fetch smollm2 makes in .deps/models)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
pretrained=
case "${1:-}" in
  "") ;;
  --pretrained)
    pretrained=$(realpath -m "${2:-$root/.deps/models/smollm2}")
    if [ ! -f "$pretrained/config.json" ]; then
      echo "quickstart.sh: $pretrained holds no config.json: name a Hugging Face directory, or make one with scripts/peers.sh --fetch smollm2" >&2
      exit 2
    fi ;;
  *) echo "quickstart.sh: unknown argument $1; the only one is --pretrained [HF_DIR]" >&2; exit 2 ;;
esac
cd "$root"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
if [ -n "${NO_COLOR:-}" ] || [ ! -t 1 ]; then step() { printf '\n%s\n' "$*"; }; fi
show() { printf '  $ %s\n' "$*"; "$@"; }

scripts/setup.sh
export PATH="$root/build/bin:$PATH"

# Ranks on however many cores this machine has; mpirun wants to hear that root and oversubscription are meant.
ranks=4
[ -n "$pretrained" ] && ranks=2
launch=(mpirun -n "$ranks" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
[ "$(id -u)" -eq 0 ] && export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe

# train_until_half RUN.ini METRICS OPTION…: starts a training and kills it with all its ranks half-way.
train_until_half() {
  local file=$1 metrics=$2 half victims launcher steps_done; shift 2
  half=$(($(sed -n 's/^steps *= *\([0-9]*\).*/\1/p' "$file") / 2))
  printf '  $ %s\n' "${launch[*]} trireme train $file $*"
  "${launch[@]}" trireme train "$file" "$@" &
  launcher=$!
  while kill -0 "$launcher" 2>/dev/null; do
    steps_done=$(grep -cs '"loss"' "$metrics" || true)  # nothing before the file is there
    [ "${steps_done:-0}" -ge "$half" ] && break
    sleep 0.2
  done
  step "4. Half-way: SIGKILL to mpirun and all its ranks"
  victims=$(ps -o pid= --ppid "$launcher" || true)
  kill -0 "$launcher" 2>/dev/null || { echo "quickstart.sh: the training ended before it could be killed" >&2; exit 1; }
  # shellcheck disable=SC2086
  kill -9 "$launcher" $victims 2>/dev/null || true
  wait "$launcher" 2>/dev/null || true
}

rm -rf quickstart && mkdir quickstart && cd quickstart
started=$SECONDS

step "1. Real text: the King James Bible, 4.4 MB"
bible -f 'gen1:1-rev22:21' >bible.txt
printf '  %s bytes in bible.txt\n' "$(wc -c <bible.txt)"

if [ -n "$pretrained" ]; then
  ln -s "$pretrained" model
  ask() { show trireme generate "$@" --prompt "And the LORD said unto" --max-tokens 40 --temperature 0.7 --seed 7; }

  step "2. The public model, as a checkpoint of ours; the text, in its tokens"
  show trireme import model -o imported
  show trireme prepare --tokenizer model --output text.h5 --valid-fraction 0.02 bible.txt
  printf '  What it says before:\n'
  ask imported

  step "3. Training it with 2 ranks, each with half of the layers"
  sed 's/^init_from = .*/init_from = imported/' ../examples/finetune-smollm2.ini >finetune.ini
  sed -i 's/^name = .*/name = finetune/' finetune.ini
  train_until_half finetune.ini runs/finetune/metrics.jsonl --parallel.pp=2

  step "5. The same command again, now data parallel: it resumes by itself"
  show "${launch[@]}" trireme train finetune.ini --parallel.dp=2

  step "6. What it says now"
  ask runs/finetune

  step "7. Back to a Hugging Face directory"
  show trireme export runs/finetune -o exported
  ls -l exported
  printf '\nDone in %d s. The new model is quickstart/exported\n' "$((SECONDS - started))"
  exit
fi

step "2. A tokenizer of 4096 tokens, then token datasets for training and validation"
show trireme tokenizer train --vocab 4096 --output tokenizer.json bible.txt
show trireme prepare --tokenizer tokenizer.json --output bible.h5 --valid-fraction 0.02 bible.txt

step "3. Training with 4 ranks: tensor parallel 2 x pipeline parallel 2"
cp ../examples/quickstart.ini .
train_until_half quickstart.ini runs/quickstart/metrics.jsonl --parallel.tp=2 --parallel.pp=2

step "5. The same command again, now pipeline parallel 2 x data parallel 2: it resumes by itself"
show "${launch[@]}" trireme train quickstart.ini --parallel.pp=2 --parallel.dp=2

step "6. What the model says"
show trireme generate quickstart.ini --prompt "And the LORD said unto" --max-tokens 60 --temperature 0.7 --seed 7

step "7. Its checkpoints"
show trireme checkpoint list runs/quickstart
newest=$(find runs/quickstart/checkpoints -maxdepth 1 -name 'step_*' | sort -V | tail -1)
show trireme checkpoint verify "$newest"
printf '\nDone in %d s. The newest checkpoint is quickstart/%s\n' "$((SECONDS - started))" "$newest"

step "What to do next"
cat <<END
  export PATH=$root/build/bin:\$PATH
  cd quickstart                                                # where all of this lies
  trireme generate quickstart.ini --prompt "In the beginning"  # more of what it says
  trireme train quickstart.ini --train.steps=300               # it goes on, here with one rank
  trireme stop runs/quickstart                                 # from another window: saves and ends it
  trireme help                                                 # all commands
Your own text instead of the Bible, and a Slurm cluster instead of this machine: README.md
END
