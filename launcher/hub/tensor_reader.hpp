// Reads parts of logical tensors from the files of a Hugging Face directory. Private to launcher/hub.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "launcher/hub/directory.hpp"
#include "launcher/hub/elements.hpp"

namespace trireme::launcher {

/// Serves one thread. Holds one open file and at most kStaging bytes beside it. The references must outlive it.
class HubTensorReader {
 public:
  HubTensorReader(base::FileSystem& files, const HubDirectory& directory) : files_(files), directory_(directory) {}

  /// Fills `into`, dense and row-major, with a box of the logical tensor that lies at `place`, as fp32 or fp64. A
  /// logical tensor has at most two dims. Throws base::InputError when the file became shorter, base::IoError.
  void read(const HubPlace& place, const topology::Box& box, base::DataType type, std::byte* into);

 private:
  static constexpr std::uint64_t kStaging = std::uint64_t{2} << 20;

  /// One box, as places in the file's matrix.
  struct Part {
    const HubFileTensor* tensor;
    std::int64_t row, rows;        ///< of the logical tensor's box, counted in the stack
    std::int64_t column, columns;  ///< of the logical tensor's box
    std::int64_t width;            ///< columns of the file's matrix
    base::DataType type;
  };
  void read_rows(const Part& part, std::byte* into);
  void read_transposed(const Part& part, std::byte* into);
  void read_strip(const Part& part, std::int64_t first, std::int64_t count, std::byte* into);
  /// Reads elements of the file's tensor, converted.
  void read_run(const Part& part, std::int64_t first, std::int64_t count, std::byte* into);
  void fetch(const HubFileTensor& tensor, std::uint64_t offset, std::uint64_t length, void* into);

  base::FileSystem& files_;
  const HubDirectory& directory_;
  std::unique_ptr<base::File> file_;
  std::size_t open_ = 0;
  std::vector<std::byte> staging_;
};

}  // namespace trireme::launcher
