// Puts blocks of stored boxes into the files of a Hugging Face directory. Private to launcher/hub.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/save/written_file.hpp"
#include "launcher/hub/export_plan.hpp"

namespace trireme::launcher {

/// Where the elements of a logical tensor go: one entry for its parameter, and one for each copy.
struct ExportTarget {
  std::size_t tensor = 0;      ///< index into ExportPlan::tensors
  std::int64_t first_row = 0;  ///< in the stack
};

/// For each logical tensor its targets. Throws base::Error when one has more dims than two.
std::map<std::string, std::vector<ExportTarget>> export_targets(const ExportPlan& plan,
                                                                const checkpoint::BoxTable& table);

/// Throws base::InputError: a number of the tensor is too large for its type in the file.
[[noreturn]] void refuse_overflow(const ExportTensor& tensor);

/// Serves one thread. The references must outlive it.
class TensorWriter {
 public:
  TensorWriter(base::FileSystem& files, const std::filesystem::path& directory, const ExportPlan& plan)
      : directory_(directory), plan_(plan), out_(files) {}

  /// Writes the elements of a block, `data`, of a box of `tensor`. Throws base::InputError naming the tensor for a
  /// number that does not fit.
  void write(const checkpoint::TableTensor& tensor, const checkpoint::Block& block, std::span<const char> data,
             const ExportTarget& target);
  void finish() { out_.finish(); }

 private:
  static constexpr std::int64_t kStaging = std::int64_t{4} << 20;

  struct Place;
  void write_run(const Place& place, const topology::Box& run, const std::byte* data);
  void write_transposed(const Place& place, const topology::Box& run, const std::byte* data);
  /// Writes elements that lie one after another on both sides.
  void write_elements(const Place& place, std::int64_t first, std::int64_t count, const std::byte* data);

  const std::filesystem::path& directory_;
  const ExportPlan& plan_;
  checkpoint::WrittenFile out_;
  std::vector<std::byte> staging_;
};

}  // namespace trireme::launcher
