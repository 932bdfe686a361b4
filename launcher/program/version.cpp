#include "launcher/program/version.hpp"

#include <oniguruma.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "launcher/options/boost_version.hpp"
#include "launcher/program/build_commit.hpp"
#include "launcher/program/build_versions.hpp"

namespace trireme::launcher {
namespace {

std::string dotted(unsigned number) {  // 10302 -> 1.3.2
  return base::str(number / 10000, ".", number / 100 % 100, ".", number % 100);
}

}  // namespace

std::vector<LibraryVersion> library_versions() {
  return {
      {"trireme", kTriremeVersion, ""},
      {"LibTorch", kTorchVersion, ""},
      {"CUDA toolkit", kCudaVersion, ""},
      {"NCCL", kNcclVersion, ""},
      {"MPI", kMpiLibrary, ""},
      {"HDF5", kHdf5Version, ""},
      {"Boost", options::boost_version(), ""},
      {"nlohmann-json",
       base::str(NLOHMANN_JSON_VERSION_MAJOR, ".", NLOHMANN_JSON_VERSION_MINOR, ".", NLOHMANN_JSON_VERSION_PATCH), ""},
      {"Oniguruma", base::str(ONIGURUMA_VERSION_MAJOR, ".", ONIGURUMA_VERSION_MINOR, ".", ONIGURUMA_VERSION_TEENY),
       onig_version()},
      {"simdjson", kSimdjsonVersion, ""},
      {"xxhash", dotted(XXH_VERSION_NUMBER), dotted(XXH_versionNumber())},
      {"zlib", ZLIB_VERSION, zlibVersion()},
      {"zstd", dotted(ZSTD_VERSION_NUMBER), dotted(ZSTD_versionNumber())},
  };
}

std::string version_text() {
  std::string text = base::str("trireme ", kTriremeVersion, *kCommit == '\0' ? ", of no known commit" : ", commit ",
                               kCommit, "\nbuild: ", kBuildType, ", ", kCompiler, ", ", kProcessor, "; LibTorch ",
                               *kTorchVersion == '\0' ? "no" : "yes", ", CUDA ", *kCudaVersion == '\0' ? "no" : "yes",
                               ", MPI ", *kMpiLibrary == '\0' ? "not known" : kMpiLibrary, "\n");
  for (const LibraryVersion& library : library_versions()) {
    if (library.name == "trireme") continue;
    if (library.built_with.empty()) {
      text += library.name + ": built without\n";
      continue;
    }
    text += library.name + " " + library.built_with;
    if (!library.loaded.empty() && library.loaded != library.built_with) text += " (loaded " + library.loaded + ")";
    text += "\n";
  }
  return text;
}

}  // namespace trireme::launcher
