#include "io/checkpoint/save/partner_copy.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "io/checkpoint/format/wire.hpp"

namespace trireme::checkpoint {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{8} << 20;

}  // namespace

template <typename Body>
void PartnerCopy::attempt(Body&& body) {
  if (!failure_.empty()) return;
  try {
    body();
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
}

std::string PartnerCopy::run(const OwnShard& own) {
  plan(own);
  attempt([&] {
    for (const std::string& name : new_directories_) files_.create_directory(directory_ / name);
  });
  coordinator_.barrier();  // another rank of the node makes the directories that the files go into
  attempt([&] { open_files(own); });
  exchange_rounds();
  attempt([&] { close_files(); });
  std::string failure = coordinator_.all_ok(failure_.empty(), failure_);
  if (!failure.empty()) return failure;
  attempt([&] {
    for (const std::string& name : new_directories_) files_.sync_directory(directory_ / name);
  });
  return coordinator_.all_ok(failure_.empty(), failure_);
}

void PartnerCopy::plan(const OwnShard& own) {
  Encoder mine;
  mine.put_text(own.name);
  mine.put(own.bytes);
  const auto all = coordinator_.all_gather(mine.take());
  const auto node_count = nodes_.ranks.size();
  std::vector<std::size_t> files_of_node(node_count, 0);
  const int me = coordinator_.rank();
  for (int sender = 0; sender < coordinator_.size(); ++sender) {
    Decoder in(all[static_cast<std::size_t>(sender)]);
    OwnShard shard;
    shard.name = in.get_text();
    shard.bytes = in.get<std::uint64_t>();
    if (shard.name.empty()) continue;
    const auto node = static_cast<std::size_t>(nodes_.node_of_rank[static_cast<std::size_t>(sender)]);
    const auto& partners = nodes_.ranks[(node + 1) % node_count];
    const int receiver = partners[files_of_node[node]++ % partners.size()];
    longest_ = std::max(longest_, shard.bytes);
    if (sender == me) receiver_ = receiver;
    if (partners.front() == me) {
      const std::string directory = std::filesystem::path(shard.name).parent_path().string();
      if (std::ranges::count(new_directories_, directory) == 0) new_directories_.push_back(directory);
    }
    if (receiver == me) incoming_.push_back({sender, std::move(shard), nullptr});
  }
}

void PartnerCopy::open_files(const OwnShard& own) {
  if (receiver_ >= 0) {
    own_file_ = files_.open(directory_ / own.name, base::OpenMode::kRead);
    own_bytes_ = own.bytes;
  }
  for (Incoming& one : incoming_) {
    one.file = files_.open(directory_ / one.shard.name, base::OpenMode::kCreateExclusive);
    one.file->allocate(one.shard.bytes);
  }
}

void PartnerCopy::exchange_rounds() {
  for (std::uint64_t at = 0; at < longest_; at += kPieceBytes) {
    const auto received = coordinator_.exchange(next_pieces(at));
    for (Incoming& one : incoming_) {
      const std::string& piece = received[static_cast<std::size_t>(one.sender)];
      if (piece.empty()) continue;  // its sender has failed, or its file has ended
      attempt([&] { one.file->pwrite(piece.data(), piece.size(), at); });
    }
  }
}

std::vector<std::string> PartnerCopy::next_pieces(std::uint64_t at) {
  std::vector<std::string> pieces(static_cast<std::size_t>(coordinator_.size()));
  if (at >= own_bytes_) return pieces;
  attempt([&] {
    std::string piece(static_cast<std::size_t>(std::min(kPieceBytes, own_bytes_ - at)), '\0');
    if (own_file_->pread(piece.data(), piece.size(), at) != piece.size()) {
      throw base::Error("a shard that was just written is too short to be copied");
    }
    pieces[static_cast<std::size_t>(receiver_)] = std::move(piece);
  });
  return pieces;
}

void PartnerCopy::close_files() {
  for (Incoming& one : incoming_) {
    one.file->sync();
    one.file->close();
  }
}

}  // namespace trireme::checkpoint
