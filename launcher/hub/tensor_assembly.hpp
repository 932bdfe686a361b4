// Puts a transposed tensor of a public file together in memory and writes it in the order in which it lies there.
// Private to launcher/hub.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/aligned_buffer.hpp"
#include "base/file_system.hpp"
#include "io/checkpoint/format/block_reader.hpp"
#include "io/checkpoint/save/written_file.hpp"
#include "launcher/hub/export_plan.hpp"

namespace trireme::launcher {

/// The blocks of the boxes of each logical tensor.
using BlocksOf = std::map<std::string, std::vector<checkpoint::Block>>;

/// A block of a logical tensor's rows is a strip of columns of its transpose: written by itself it becomes one short
/// piece for each row of the file, and pages that several blocks share. So the blocks of all parts are put together
/// first. Serves one thread, and holds at most kBuffer bytes beside a block. The references must outlive it.
class TensorAssembly {
 public:
  TensorAssembly(base::FileSystem& files, const checkpoint::OpenedCheckpoint& opened,
                 const std::filesystem::path& directory, const ExportPlan& plan, const BlocksOf& blocks,
                 checkpoint::BlockReader& reader)
      : opened_(opened), directory_(directory), plan_(plan), blocks_(blocks), reader_(reader), out_(files) {}

  /// Whether a tensor is written in this way: it is transposed, and small enough to be put together in two pieces, for
  /// each of which all of its blocks are read.
  static bool takes(const ExportTensor& tensor);

  /// Writes all of the tensor. `read` is called with the bytes of each block of the first piece. Throws what
  /// BlockReader::read() throws, base::IoError, and base::InputError for a number that is too large for the file's
  /// type.
  void write(const ExportTensor& tensor, const std::function<void(std::uint64_t)>& read);
  void finish() { out_.finish(); }

 private:
  static constexpr std::int64_t kBuffer = std::int64_t{32} << 20;

  /// Rows [first, end) of the file's matrix.
  struct Piece {
    std::int64_t first;
    std::int64_t end;
  };
  void put(const ExportTensor& tensor, const Piece& piece, std::int64_t first_row, const checkpoint::Block& block,
           std::span<const char> data);

  const checkpoint::OpenedCheckpoint& opened_;
  const std::filesystem::path& directory_;
  const ExportPlan& plan_;
  const BlocksOf& blocks_;
  checkpoint::BlockReader& reader_;
  checkpoint::WrittenFile out_;
  base::AlignedBuffer buffer_;
};

}  // namespace trireme::launcher
