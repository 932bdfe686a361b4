#include "launcher/record/surroundings.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "base/words.hpp"

namespace trireme::launcher {
namespace {

constexpr std::size_t kLongestValue = 1000;

constexpr std::array kFlags = {"sse4_2",   "avx",      "avx2",     "fma",         "avx_vnni",    "avx512f",
                               "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16",
                               "amx_bf16", "amx_int8", "asimd",    "bf16",        "sve"};

constexpr std::array<std::string_view, 12> kPrefixes = {"OMP_",  "MKL_",    "KMP_",         "GOMP_",
                                                        "NCCL_", "DNNL_",   "ONEDNN_",      "UCX_",
                                                        "HDF5_", "CUBLAS_", "OMPI_MCA_btl", "OMPI_MCA_coll"};

// Open MPI's daemons pass their own settings, keys of the transports among them, to the ranks as OMPI_MCA_orte_… and
// the like, so only these frameworks count.
constexpr std::array<std::string_view, 7> kMorePrefixes = {"OMPI_MCA_pml",
                                                           "OMPI_MCA_mtl",
                                                           "OMPI_MCA_rmaps_",
                                                           "OMPI_MCA_mpi_",
                                                           "OMPI_MCA_io",
                                                           "OMPI_MCA_fs_",
                                                           "OMPI_MCA_hwloc_base_binding"};

constexpr std::array<std::string_view, 15> kNames = {
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER",   "CUDA_LAUNCH_BLOCKING", "NVIDIA_TF32_OVERRIDE",
    "ATEN_CPU_CAPABILITY",  "SLURM_JOB_ID",        "SLURM_ARRAY_JOB_ID",   "SLURM_ARRAY_TASK_ID",
    "SLURM_JOB_PARTITION",  "SLURM_JOB_NUM_NODES", "SLURM_CLUSTER_NAME",   "SLURM_NTASKS_PER_NODE",
    "SLURM_CPUS_PER_TASK",  "SLURM_RESTART_COUNT", "PYTHONHASHSEED"};

constexpr std::array<std::string_view, 8> kSecret = {"TOKEN", "SECRET", "PASS",   "CREDENTIAL",
                                                     "_KEY",  "APIKEY", "COOKIE", "AUTH"};

constexpr std::array<std::string_view, 11> kSettable = {"MKL_CBWR",
                                                        "MKL_ENABLE_INSTRUCTIONS",
                                                        "MKL_DYNAMIC",
                                                        "MKL_NUM_THREADS",
                                                        "DNNL_MAX_CPU_ISA",
                                                        "ONEDNN_MAX_CPU_ISA",
                                                        "ATEN_CPU_CAPABILITY",
                                                        "CUBLAS_WORKSPACE_CONFIG",
                                                        "NVIDIA_TF32_OVERRIDE",
                                                        "NCCL_ALGO",
                                                        "NCCL_PROTO"};

// The text after "name : " of the first line that begins with it.
std::string_view field(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (line.starts_with(name) && colon != std::string_view::npos) return line.substr(colon + 1);
    at = end + 1;
  }
  return {};
}

}  // namespace

std::string CpuKind::text() const {
  return (model.empty() ? std::string("a CPU of no known model") : model) + (flags.empty() ? "" : " (" + flags + ")");
}

CpuKind parse_cpu(std::string_view cpuinfo) {
  CpuKind kind;
  kind.model = base::trimmed(field(cpuinfo, "model name")).substr(0, 200);
  const std::string_view found = field(cpuinfo, "flags");
  std::istringstream words{std::string(found.empty() ? field(cpuinfo, "Features") : found)};
  const std::set<std::string> flags{std::istream_iterator<std::string>(words), {}};
  for (const char* flag : kFlags) {
    if (flags.contains(flag)) kind.flags += (kind.flags.empty() ? "" : " ") + std::string(flag);
  }
  return kind;
}

CpuKind this_cpu() {
  std::ifstream file("/proc/cpuinfo");
  std::string text(65536, '\0');  // the first processor's lines; a machine may have hundreds
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_cpu(text);
}

bool may_be_recorded(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  const auto holds = [&](std::string_view word) { return upper.find(word) != std::string::npos; };
  const auto is_of_name = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  if (!std::ranges::all_of(upper, is_of_name) || std::ranges::any_of(kSecret, holds)) return false;
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  return std::ranges::any_of(kPrefixes, begins) || std::ranges::any_of(kMorePrefixes, begins) ||
         std::ranges::find(kNames, name) != kNames.end();
}

Variables recorded_variables(const std::vector<std::string>& environment) {
  Variables variables;
  for (const std::string& one : environment) {
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos || one.size() - equals > kLongestValue) continue;
    if (may_be_recorded(one.substr(0, equals))) variables.emplace_back(one.substr(0, equals), one.substr(equals + 1));
  }
  std::ranges::sort(variables);
  return variables;
}

bool may_be_set(std::string_view name, std::string_view value) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ',' ||
           c == ':' || c == '.' || c == '-';
  };
  return std::ranges::find(kSettable, name) != kSettable.end() && !value.empty() && value.size() <= 64 &&
         std::ranges::all_of(value, plain);
}

}  // namespace trireme::launcher
