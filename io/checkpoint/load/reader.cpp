#include "io/checkpoint/load/reader.hpp"

#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/format/damage.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/format/wire.hpp"
#include "io/checkpoint/load/load.hpp"

namespace trireme::checkpoint {
namespace {

enum class Status : std::uint8_t { kGood, kDamaged, kBadInput, kFailed };

/// Reads and verifies both files; returns their bytes, or what is wrong, as one message.
std::string open_here(base::FileSystem& files, const std::filesystem::path& step_directory, bool all_shards) {
  Encoder out;
  const auto put = [&](Status status, const std::string& first, const std::string& second) {
    out.put(static_cast<std::uint8_t>(status));
    for (const auto* text : {&first, &second}) {
      out.put<std::uint64_t>(text->size());
      out.put_raw(text->data(), text->size());
    }
  };
  try {
    const OpenedCheckpoint opened =
        all_shards ? open_checkpoint(files, step_directory) : open_tables(files, step_directory);
    put(Status::kGood, opened.manifest_text, opened.boxes_bytes);
  } catch (const DamagedCheckpoint& damage) {
    put(Status::kDamaged, damage.subject(), damage.problem());
  } catch (const base::InputError& error) {
    put(Status::kBadInput, error.what(), "");
  } catch (const std::exception& error) {
    put(Status::kFailed, base::str("cannot open checkpoint ", step_directory.string(), ": ", error.what()), "");
  }
  return out.take();
}

}  // namespace

std::unique_ptr<Reader> Reader::open(Coordinator& coordinator, base::FileSystem& files,
                                     const std::filesystem::path& step_directory, ShardLocations where) {
  const std::string message = coordinator.broadcast_from(
      where.tables,
      coordinator.rank() == where.tables ? open_here(files, step_directory, where.shards.empty()) : std::string());
  Decoder in(message);
  const auto status = static_cast<Status>(in.get<std::uint8_t>());
  std::string first(in.get_raw(in.get<std::uint64_t>()));
  std::string second(in.get_raw(in.get<std::uint64_t>()));
  switch (status) {
    case Status::kGood: break;
    case Status::kDamaged: throw DamagedCheckpoint(step_directory, first, second);
    case Status::kBadInput: throw base::InputError(first);
    case Status::kFailed: throw base::Error(first);
  }
  auto reader = std::unique_ptr<Reader>(new Reader(coordinator, files, step_directory, std::move(where)));
  OpenedCheckpoint opened = parse_checkpoint(std::move(first), std::move(second), step_directory);
  reader->manifest_ = std::move(opened.manifest);
  reader->table_ = std::move(opened.table);
  return reader;
}

LoadResult Reader::load(std::span<const WantedBox> wanted, const LoadOptions& options) {
  return Load(coordinator_, files_, path_, {manifest_, table_, where_}, wanted, options).run();
}

}  // namespace trireme::checkpoint
