#include "tests/models/pipeline/number_record.hpp"

#include <ATen/Version.h>
#include <gnu/libc-version.h>
#include <torch/headeronly/version.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/error.hpp"
#include "collectives/mpi/world.hpp"
#include "models/kernels/cpu/isa.hpp"
#include "models/parallel/linear_products.hpp"

namespace trireme::tests {
namespace {

/// Vendor, family and model. The same instructions do not suffice: libraries choose block sizes by the model.
std::string processor() {
#if defined(__x86_64__)
  unsigned most = 0, eax = 0, unused = 0;
  std::array<unsigned, 3> name{};
  if (__get_cpuid(0, &most, &name[0], &name[2], &name[1]) == 0 ||
      __get_cpuid(1, &eax, &unused, &unused, &unused) == 0) {
    return "unknown";
  }
  const unsigned family = (eax >> 8 & 15U) + (eax >> 20 & 255U);
  const unsigned model = (eax >> 4 & 15U) | (eax >> 16 & 15U) << 4;
  return base::str(std::string(reinterpret_cast<const char*>(name.data()), sizeof(name)), " family ", family, " model ",
                   model);
#else
  return "unknown";
#endif
}

std::string hex(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%a", value);
  return text.data();
}

/// The doubles of a record in the order of its line.
std::vector<double*> doubles_of(Numbers& numbers) {
  std::vector<double*> all;
  for (double& loss : numbers.losses) all.push_back(&loss);
  for (double& norm : numbers.norms) all.push_back(&norm);
  for (double& loss : numbers.evaluated) all.push_back(&loss);
  return all;
}

std::string line_of(Numbers numbers) {
  std::string line;
  for (const double* value : doubles_of(numbers)) line += hex(*value) + " ";
  std::array<char, 60> hashes{};
  std::snprintf(hashes.data(), hashes.size(), "%016llx %016llx %016llx",
                static_cast<unsigned long long>(numbers.gradients), static_cast<unsigned long long>(numbers.state),
                static_cast<unsigned long long>(numbers.logits));
  return line + hashes.data();
}

Numbers numbers_of(const std::string& line) {
  Numbers numbers;
  std::istringstream words(line);
  std::string word;
  for (double* value : doubles_of(numbers)) {
    words >> word;
    *value = std::strtod(word.c_str(), nullptr);
  }
  for (std::uint64_t* hash : {&numbers.gradients, &numbers.state, &numbers.logits}) words >> std::hex >> *hash;
  if (!words) throw base::Error("a line of recorded numbers is cut off: " + line);
  return numbers;
}

/// Largest relative differences on another kind of machine. In fp64 they are the layout matrix's. The others are some
/// thirty to fifty times what another layout or another instruction set changes (measured: 2e-8 and 2e-7 in fp32, 6e-4
/// and 7e-3 in bf16).
struct Tolerance {
  double loss = 1e-12;
  double norm = 1e-12;
};

Tolerance tolerance_of(pipeline::Precision precision) {
  if (precision == pipeline::Precision::kFp64) return {};
  return precision == pipeline::Precision::kFp32 ? Tolerance{1e-6, 1e-5} : Tolerance{2e-2, 0.2};
}

}  // namespace

std::string kind_of_machine() {
  return base::str(processor(), ", kernels ", kernels::cpu::isa_table().name, ", ATen ", at::get_cpu_capability(),
                   ", fp32 products by ", parallel::uses_onednn() ? "oneDNN" : "MKL", "; LibTorch ", TORCH_VERSION,
                   ", ", at::get_mkl_version(), ", ", at::get_mkldnn_version(), ", ",
                   collectives::MpiWorld::library_version(), ", glibc ", gnu_get_libc_version(), ", compiler ",
                   __VERSION__, ", ", TRIREME_CONFIGURATION);
}

NumberRecord NumberRecord::read(const std::filesystem::path& file) {
  std::ifstream in(file);
  NumberRecord record;
  if (!std::getline(in, record.kind_)) throw base::Error(base::str("cannot read ", file.string()));
  for (std::string line; std::getline(in, line);) {
    const std::size_t end = line.find('\t');
    if (end == std::string::npos) throw base::Error(base::str(file.string(), " has a line without a tab: ", line));
    record.numbers_[line.substr(0, end)] = numbers_of(line.substr(end + 1));
  }
  return record;
}

void NumberRecord::add(const LayoutCase& one, const Numbers& numbers) { numbers_[describe(one)] = numbers; }

void NumberRecord::write(const std::filesystem::path& file) const {
  std::ofstream out(file);
  out << kind_ << "\n";
  for (const auto& [text, numbers] : numbers_) out << text << "\t" << line_of(numbers) << "\n";
  out.close();
  if (!out) throw base::Error(base::str("cannot write ", file.string()));
}

bool NumberRecord::has(const LayoutCase& one) const { return numbers_.count(describe(one)) != 0; }

std::string NumberRecord::difference(const LayoutCase& one, const Numbers& here) const {
  if (!has(one)) return "no numbers are recorded for this case";
  Numbers now = here;
  Numbers then = numbers_.at(describe(one));
  const Tolerance tolerance = exact() ? Tolerance{0.0, 0.0} : tolerance_of(one.config.precision);
  const std::vector<double*> values = doubles_of(now);
  const std::vector<double*> recorded = doubles_of(then);
  for (std::size_t index = 0; index < values.size(); ++index) {
    const bool is_norm = index >= kSteps && index < now.losses.size() + now.norms.size();
    const double apart = std::abs(*values[index] - *recorded[index]);
    const double allowed = (is_norm ? tolerance.norm : tolerance.loss) * std::abs(*recorded[index]);
    if (!(apart <= allowed)) {
      const char* name = is_norm ? "gradient norm " : index < kSteps ? "loss " : "validation loss ";
      return base::str(name, index % kSteps, " is ", hex(*values[index]), ", recorded is ", hex(*recorded[index]),
                       " (apart by ", apart, ", allowed is ", allowed, ")");
    }
  }
  if (!exact()) return "";
  if (now.gradients != then.gradients) return "bits of the first step's gradients differ from the recorded ones";
  if (now.state != then.state) return "bits of the final parameters or moments differ from the recorded ones";
  if (now.logits != then.logits) return "bits of the logits differ from the recorded ones";
  return "";
}

}  // namespace trireme::tests
