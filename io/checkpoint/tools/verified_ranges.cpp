#include "io/checkpoint/tools/verified_ranges.hpp"

#include <algorithm>

#include "base/checksum.hpp"
#include "io/checkpoint/format/damage.hpp"

namespace trireme::checkpoint {
namespace {

constexpr std::uint64_t kPieceBytes = VerifiedRanges::kPieceBytes;
constexpr std::uint64_t kPiecesOfBlock = kBlockBytes / kPieceBytes;
static_assert(kBlockBytes % kPieceBytes == 0);

std::uint64_t pieces_in(std::uint64_t bytes) { return (bytes + kPieceBytes - 1) / kPieceBytes; }

std::uint64_t length_of(std::uint64_t piece, std::uint64_t box_bytes) {
  return std::min(kPieceBytes, box_bytes - piece * kPieceBytes);
}

}  // namespace

VerifiedRanges::VerifiedRanges(base::FileSystem& files, const OpenedCheckpoint& opened, std::size_t open_files)
    : files_(files), opened_(opened), open_files_(open_files), pieces_(opened.table.boxes.size()) {}

void VerifiedRanges::read(const TableBox& box, std::uint64_t begin, std::uint64_t end, std::vector<char>& buffer,
                          const Receive& receive) {
  const std::uint64_t bytes = opened_.table.bytes_of(box);
  for (std::uint64_t at = begin; at < end;) {
    const std::uint64_t piece = at / kPieceBytes;
    const std::uint64_t length = length_of(piece, bytes);
    read_piece(box, piece, length, buffer);
    const std::uint64_t first = at - piece * kPieceBytes;
    const std::uint64_t last = std::min(length, end - piece * kPieceBytes);
    receive(std::span<const char>(buffer).subspan(first, last - first));
    at += last - first;
  }
}

std::shared_ptr<base::File> VerifiedRanges::shard(std::uint32_t file) {
  const std::lock_guard lock(mutex_);
  if (const auto found = shards_.find(file); found != shards_.end()) return found->second;
  if (shards_.size() >= open_files_) shards_.clear();  // who still reads from one keeps it open
  std::shared_ptr<base::File> opened =
      files_.open(opened_.path / opened_.manifest.files[file].name, base::OpenMode::kRead);
  shards_[file] = opened;
  return opened;
}

void VerifiedRanges::read_piece(const TableBox& box, std::uint64_t piece, std::uint64_t length,
                                std::vector<char>& buffer) {
  buffer.resize(kPieceBytes);
  const std::string subject = describe(opened_.table, box);
  const std::size_t got = reading(opened_.path, subject, [&] {
    return shard(box.file)->pread(buffer.data(), length, box.offset + piece * kPieceBytes);
  });
  if (got != length) throw DamagedCheckpoint(opened_.path, subject, "the file ends too early");
  note(box, piece, base::crc32c(buffer.data(), length));
}

void VerifiedRanges::note(const TableBox& box, std::uint64_t piece, std::uint32_t checksum) {
  const std::uint64_t bytes = opened_.table.bytes_of(box);
  const std::uint64_t block = piece / kPiecesOfBlock;
  const std::uint64_t first = block * kPiecesOfBlock;
  const std::uint64_t last = std::min(first + kPiecesOfBlock, pieces_in(bytes));
  const std::lock_guard lock(mutex_);
  Pieces& known = pieces_[static_cast<std::size_t>(&box - opened_.table.boxes.data())];
  if (known.seen.empty()) {
    known.checksums.resize(pieces_in(bytes));
    known.seen.resize(known.checksums.size());
    for (std::uint64_t i = 0; i < known.seen.size(); i += kPiecesOfBlock) {
      known.missing.push_back(static_cast<std::uint32_t>(std::min(kPiecesOfBlock, known.seen.size() - i)));
    }
  }
  if (known.seen[piece]) {
    if (known.checksums[piece] == checksum) return;
    throw DamagedCheckpoint(opened_.path, describe(opened_.table, box), "two reads of it gave different bytes");
  }
  known.seen[piece] = true;
  known.checksums[piece] = checksum;
  if (--known.missing[block] > 0) return;
  std::uint32_t whole = 0;
  for (std::uint64_t i = first; i < last; ++i) {
    whole = base::crc32c_combine(whole, known.checksums[i], length_of(i, bytes));
  }
  if (whole == box.crc32c[block]) return;
  throw DamagedCheckpoint(opened_.path, describe(opened_.table, box), "the checksum does not match");
}

}  // namespace trireme::checkpoint
