#!/usr/bin/env bash
# Installs what Trireme needs (Debian packages and a private Python environment that holds LibTorch), configures
# and builds. Leaves the program at build/bin/trireme. A second call builds only what changed.
#
#   scripts/setup.sh           what users need
#   scripts/setup.sh --tests   also what the test suite and the benchmarks compare against
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

with_tests=0
for argument in "$@"; do
  case "$argument" in
    --tests) with_tests=1 ;;
    *) echo "setup.sh: unknown option $argument; the only one is --tests" >&2; exit 2 ;;
  esac
done

say() { printf '==> %s\n' "$*"; }
fail() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }

# --- Debian packages: compiler and build tools, MPI, HDF5, and small libraries --------------------------------
packages=(g++ cmake ninja-build ccache pkg-config git ca-certificates python3 python3-venv
          openmpi-bin libopenmpi-dev libhdf5-dev hdf5-tools libboost-program-options-dev nlohmann-json3-dev
          libonig-dev libutf8proc-dev libxxhash-dev libzstd-dev zlib1g-dev libsimdjson-dev libarchive-dev libjs-dygraphs bible-kjv)
[ "$with_tests" = 1 ] && packages+=(libgtest-dev libgmock-dev zstd slurmctld slurmd slurm-client munge iproute2 shellcheck
                                  slurmdbd mariadb-server chromium clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14)

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: assuming that the libraries named in README.md are there"
    return
  fi
  local missing=()
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing Debian packages (compiler, MPI, HDF5, small libraries): ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo)
    else
      printf 'These packages are missing and need root. Run this once, then call setup.sh again:\n  sudo apt-get install -y %s\n' "${missing[*]}" >&2
      exit 1
    fi
  fi
  local log; log=$(mktemp)
  { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 \
    || { tail -5 "$log" >&2; fail "apt-get could not install the packages (full log: $log)"; }
  rm -f "$log"
}

# --- LibTorch: the C++ libraries of the PyPI wheel, in an environment of its own; no Python at run time ---------
venv=.deps/venv
torch_version=2.11.0
# The wheel's CUDA companions that a CUDA 13 toolkit with cuDNN and NCCL does not hold.
torch_companions=(nvidia-cusparselt-cu13==0.8.0 nvidia-nvshmem-cu13==3.4.5 nvidia-cufile==1.15.1.6)
# Without a toolkit: what libtorch_cpu itself is linked against.
cuda_runtime=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
# Without a toolkit, for the tests: what `import torch` loads.
cuda_libraries=(cuda-toolkit==13.0.2 nvidia-cudnn-cu13==9.19.0.56 nvidia-nccl-cu13==2.28.9)
cuda_toolkit_parts='cuda-toolkit[cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx]'
oracles=(numpy==2.4.6 h5py==3.16.0 xxhash==4.1.0 transformers==5.23.0 safetensors==0.8.0 tokenizers==0.23.3 tiktoken==0.14.0
         sympy==1.14.0 networkx==3.6.1 jinja2==3.1.6 fsspec==2026.9.0 filelock==4.2.12 typing_extensions==4.16.0
         setuptools==65.5.0 scipy==1.17.1 optuna==5.0.0)

# Checks the accessibility of reports: only the script in the wheel is used, not Playwright, which the wheel wants.
axe=axe-playwright-python==0.1.8

# Frameworks whose users Trireme serves ([program]): their examples are tested where these can be installed.
frameworks=(pytorch-lightning==2.6.6 lightning-utilities==0.15.3 torchmetrics==1.9.0 accelerate==1.15.0 psutil==7.2.2)

# TensorBoard's own reader of event files, apart from the environment: transformers and Lightning would find it there and log
# for it. Its server and what that needs are left out.
event_reader=.deps/tensorboard
event_readers=(tensorboard==2.21.0 absl-py==2.5.1 protobuf==7.36.2)

has_toolkit() {
  command -v nvcc >/dev/null && nvcc --version | grep -q 'release 13\.'
}

# pip complains of wheels that are left out on purpose: its words are shown only when it fails.
pip_install() {
  local log; log=$(mktemp)
  "$venv/bin/python" -m pip install --disable-pip-version-check -q "$@" >"$log" 2>&1 \
    || { tail -5 "$log" >&2; fail "pip could not install (full log: $log): $*"; }
  rm -f "$log"
}

# True when every name==version is installed in the environment.
has_python() {
  "$venv/bin/python" - "$@" 2>/dev/null <<'PY'
import importlib.metadata, sys
for item in sys.argv[1:]:
    name, version = item.split("==")
    assert importlib.metadata.version(name) == version
PY
}

install_python() {
  if [ ! -x "$venv/bin/python" ]; then
    say "making a Python environment in $venv"
    python3 -m venv "$venv" || fail "python3 -m venv failed: install python3-venv"
  fi
  if ! has_python "torch==$torch_version" "${torch_companions[@]}"; then
    say "installing LibTorch $torch_version (530 MB from PyPI; its C++ libraries are what we link)"
    pip_install --no-deps "torch==$torch_version" "${torch_companions[@]}"
  fi
  if ! has_toolkit && ! has_python "${cuda_runtime[@]}"; then
    if compgen -G '/dev/nvidia[0-9]*' >/dev/null; then
      say "a GPU but no CUDA 13 toolkit: training here will use the CPU; load the toolkit's module and run setup.sh again"
    fi
    say "no CUDA 13 toolkit: installing the CUDA runtime that LibTorch is linked against (13 MB)"
    pip_install --no-deps "${cuda_runtime[@]}"
  fi
  if [ "$with_tests" = 1 ] && ! has_toolkit && ! has_python "${cuda_libraries[@]}"; then
    say "no CUDA 13 toolkit: installing the CUDA libraries that PyTorch loads, to compare against it (2 GB)"
    pip_install "${cuda_libraries[@]/#cuda-toolkit/$cuda_toolkit_parts}"
  fi
  if [ "$with_tests" = 1 ] && ! has_python "${oracles[@]}"; then
    say "installing what tests compare against: ${oracles[*]}"
    pip_install "${oracles[@]}"
  fi
  if [ "$with_tests" = 1 ] && [ "$(cat "$event_reader/versions" 2>/dev/null)" != "${event_readers[*]}" ]; then
    say "installing TensorBoard's reader, to compare against: ${event_readers[*]}"
    rm -rf "$event_reader"
    pip_install --no-deps --target "$event_reader" "${event_readers[@]}"
    printf '%s\n' "${event_readers[*]}" >"$event_reader/versions"
  fi
  if [ "$with_tests" = 1 ] && ! has_python "$axe"; then
    say "installing what checks the accessibility of reports: $axe"
    pip_install --no-deps "$axe"
  fi
  if [ "$with_tests" = 1 ] && ! has_python "${frameworks[@]}"; then
    say "installing frameworks whose examples are tested: ${frameworks[*]}"
    "$venv/bin/python" -m pip install --disable-pip-version-check -q --no-deps "${frameworks[@]}" >/dev/null 2>&1 \
      || say "not all of them can be installed: their tests are skipped"
  fi
}

# Reads what ninja prints ("[12/340] …") and shows how far it is: on a terminal one line that is drawn over, elsewhere
# one line a minute.
show_progress() {
  local line started=$SECONDS told=$SECONDS text=""
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    text="    ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} parts, $((SECONDS - started)) s"
    if [ -t 1 ]; then
      printf '\r\033[K%s' "$text"
    elif [ $((SECONDS - told)) -ge 60 ]; then
      printf '%s\n' "$text"
      told=$SECONDS
    fi
  done
  if [ -t 1 ]; then printf '\r\033[K'; fi
}

# --- Configure and build ---------------------------------------------------------------------------------------
build() {
  local tests=OFF
  [ "$with_tests" = 1 ] && tests=ON
  # A user's second call must not undo a developer's configuration.
  if grep -qs '^TRIREME_TESTS:BOOL=ON' build/CMakeCache.txt; then tests=ON; fi
  if [ ! -f build/build.ninja ] || ! grep -qs "^TRIREME_TESTS:BOOL=$tests" build/CMakeCache.txt; then
    say "configuring (build/configure.log)"
    mkdir -p build
    cmake --preset release "-DTRIREME_TESTS=$tests" >build/configure.log 2>&1 \
      || { tail -15 build/configure.log >&2; fail "cmake could not configure (build/configure.log)"; }
  fi
  say "building what is missing or changed (build/build.log; the first time takes some minutes)"
  ninja -C build 2>&1 | tee build/build.log | show_progress \
    || { grep -E 'error|FAILED' -A3 build/build.log | head -30 >&2; fail "the build failed (build/build.log)"; }
}

install_packages
install_python
build
say "ready: $(pwd)/build/bin/trireme"
