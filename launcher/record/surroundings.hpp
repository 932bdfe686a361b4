// What surrounds an attempt and may change its numbers: the kind of CPU, and the variables of the environment.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trireme::launcher {

/// Equal kinds choose the same kernels in the libraries that compute.
struct CpuKind {
  std::string model;  ///< "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz"; "" where the system does not say
  std::string flags;  ///< of the instruction sets that kernels are chosen by: "avx2 fma avx512f"

  bool operator==(const CpuKind&) const = default;
  /// "Intel(R) … (avx2 fma avx512f)".
  std::string text() const;
};

/// The first processor in the text of /proc/cpuinfo.
CpuKind parse_cpu(std::string_view cpuinfo);
/// That of this machine.
CpuKind this_cpu();

using Variables = std::vector<std::pair<std::string, std::string>>;

/// Whether a variable of this name may be written into records and archives. Only names on a list are: those that
/// change how libraries compute and communicate, and which job it was. A name that sounds like a secret never is.
bool may_be_recorded(std::string_view name);
/// Those of `environment` ("NAME=value") that may be recorded, sorted by name. Values longer than 1,000 bytes are left
/// out: none that matters is.
Variables recorded_variables(const std::vector<std::string>& environment);

/// Whether a variable of a record may be set for a run that repeats another one. A record may be somebody else's, so
/// these are only names that choose between ways to compute, with values that are plain words.
bool may_be_set(std::string_view name, std::string_view value);

}  // namespace trireme::launcher
