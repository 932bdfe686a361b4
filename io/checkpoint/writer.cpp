#include "io/checkpoint/writer.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "io/checkpoint/body_writer.hpp"
#include "io/checkpoint/box_table.hpp"
#include "io/checkpoint/manifest.hpp"
#include "io/checkpoint/save_messages.hpp"
#include "io/checkpoint/shard.hpp"
#include "io/checkpoint/time.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

bool is_plain_word(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

/// One save on one rank: the steps of docs/checkpoint_format.md in order. Each step that can fail runs inside
/// agree(), so that all ranks leave together.
class Save {
 public:
  Save(Coordinator& coordinator, base::FileSystem& files, const SaveInfo& info, std::span<const StoredBox> boxes)
      : coordinator_(coordinator), files_(files), info_(info), boxes_(boxes), root_(coordinator.rank() == 0) {}

  SaveResult run() {
    const auto start = std::chrono::steady_clock::now();
    const bool good = make_partial() && plan() && create_shard() && write_boxes() && commit();
    if (!good) clean_up();
    SaveResult result;
    result.ok = good;
    result.error = good ? "" : base::str("cannot save step ", info_.step, ": ", failure_);
    share_root_result(result);
    result.path = target();
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
  }

 private:
  /// Runs `body` on this rank; true when it failed on none.
  template <typename Body>
  bool agree(Body&& body) {
    std::string problem;
    bool good = true;
    try {
      body();
    } catch (const std::exception& error) {
      good = false;
      problem = error.what();
    }
    failure_ = coordinator_.all_ok(good, problem);
    return failure_.empty();
  }

  Path target() const { return info_.directory / base::str("step_", info_.step); }

  bool make_partial() {
    const bool good = agree([&] {
      if (!root_) return;
      if (!is_plain_word(info_.job) || !is_plain_word(info_.token)) {
        throw base::Error("job and token must be words of letters, digits, '_' and '-'");
      }
      if (!files_.is_directory(info_.directory)) {
        files_.create_directory(info_.directory);
        files_.sync_directory(info_.directory.parent_path());
      }
      partial_ = info_.directory / base::str(".step_", info_.step, ".", info_.job, ".", info_.token, ".partial");
      files_.remove_all(partial_);
      files_.create_directory(partial_);
    });
    if (good) partial_ = coordinator_.broadcast(partial_.string());
    return good;
  }

  bool plan() {
    const auto declared = coordinator_.gather(encode_declared(coordinator_.node(), boxes_));
    std::vector<std::string> tasks(static_cast<std::size_t>(coordinator_.size()));
    const bool good = agree([&] {
      if (!root_) return;
      std::vector<std::vector<DeclaredBox>> boxes;
      std::vector<int> nodes;
      for (const auto& bytes : declared) boxes.push_back(decode_declared(bytes, &nodes.emplace_back()));
      plan_ = make_save_plan(boxes, nodes, info_.shards_per_node);
      tasks = encode_tasks(plan_);
    });
    if (!good) return false;
    tensors_ = decode_tensors(coordinator_.broadcast(root_ ? encode_tensors(plan_.tensors) : ""));
    task_ = decode_task(coordinator_.exchange(std::move(tasks))[0]);
    return agree([&] {
      if (task_.makes_node_directory) files_.create_directory((partial_ / task_.file).parent_path());
    });
  }

  /// At the leader of a file: metadata, space, and the offsets for its writers.
  bool create_shard() {
    std::vector<std::string> offsets(static_cast<std::size_t>(coordinator_.size()));
    const bool good = agree([&] {
      if (task_.ranks.empty()) return;
      std::vector<ShardBox> boxes;
      for (const auto& pieces : task_.pieces_of_ranks) {
        for (const auto& piece : pieces) {
          const auto& tensor = tensors_[piece.tensor];
          boxes.push_back({tensor.kind, tensor.name, tensor.shape, tensor.dtype, piece.box});
        }
      }
      const ShardLayout layout = lay_out_shard(task_.file, boxes);
      file_ = files_.open(partial_ / task_.file, base::OpenMode::kCreateExclusive);
      file_->allocate(layout.image.length());
      layout.image.write_to(*file_);
      report_.file_bytes = layout.image.length();
      report_.metadata_crc32c = layout.metadata_crc32c;
      std::size_t first = 0;
      for (std::size_t i = 0; i < task_.ranks.size(); ++i) {
        const std::size_t count = task_.pieces_of_ranks[i].size();
        offsets[task_.ranks[i]] = encode_offsets(std::span(layout.offsets).subspan(first, count));
        first += count;
      }
    });
    if (!good) return false;
    for (const auto& bytes : coordinator_.exchange(std::move(offsets))) {
      if (!bytes.empty()) report_.offsets = decode_offsets(bytes);
    }
    return true;
  }

  bool write_boxes() {
    return agree([&] {
      if (task_.file.empty()) return;
      const Path path = partial_ / task_.file;
      if (!file_) file_ = files_.open(path, base::OpenMode::kReadWrite);
      BodyWriter body(files_, path, *file_);
      for (std::size_t i = 0; i < task_.pieces.size(); ++i) {
        report_.crc32c.push_back(write_piece(body, task_.pieces[i], report_.offsets.at(i)));
      }
      body.finish();
      file_->sync();
      file_->close();
      if (task_.makes_node_directory) files_.sync_directory(path.parent_path());
    });
  }

  std::vector<std::uint32_t> write_piece(BodyWriter& body, const Piece& piece, std::uint64_t offset) {
    const auto* data = static_cast<const std::byte*>(boxes_[piece.declared].data) + piece.memory_offset;
    return body.write(data, static_cast<std::uint64_t>(piece.box.elements()) * size_of(tensors_[piece.tensor].dtype),
                      offset);
  }

  bool commit() {
    const auto reports = coordinator_.gather(encode_report(report_));
    return agree([&] {
      if (!root_) return;
      write_tables(reports);
      files_.sync_directory(partial_);
      if (info_.still_mine && !info_.still_mine()) {
        lease_lost_ = true;
        throw base::Error("another job has taken over this run directory");
      }
      if (files_.exists(target())) move_to_trash();
      files_.rename(partial_, target());
      committed_ = true;
      files_.sync_directory(info_.directory);
      if (info_.latest) replace_latest();
    });
  }

  void write_tables(const std::vector<std::string>& reports) {
    Manifest manifest{.step = info_.step,
                      .run_id = info_.run_id,
                      .attempt = info_.attempt,
                      .job = info_.job,
                      .created = utc_now(),
                      .options = info_.options,
                      .layout = info_.layout,
                      .cursor = info_.cursor,
                      .extra = info_.extra,
                      .versions = info_.versions,
                      .boxes_bytes = 0,
                      .boxes_xxh3 = {},
                      .files = {},
                      .checksum = {}};
    BoxTable table;
    for (const auto& tensor : plan_.tensors)
      table.tensors.push_back({tensor.kind, tensor.name, tensor.shape, tensor.dtype});
    manifest.files.resize(plan_.files.size());
    for (std::size_t rank = 0; rank < reports.size(); ++rank) {
      const int index = plan_.file_of_rank[rank];
      if (index < 0) continue;
      Report report = decode_report(reports[rank]);
      if (plan_.files[index].leader == static_cast<int>(rank)) {
        manifest.files[index] = {plan_.files[index].name, report.file_bytes, report.metadata_crc32c};
        bytes_ += report.file_bytes;
      }
      for (std::size_t i = 0; i < plan_.pieces[rank].size(); ++i) {
        const Piece& piece = plan_.pieces[rank][i];
        table.boxes.push_back({piece.tensor, static_cast<std::uint32_t>(index), piece.box, report.offsets.at(i),
                               std::move(report.crc32c.at(i))});
      }
    }
    order(table);
    const std::string boxes = to_bytes(table, manifest.files.size());
    manifest.boxes_bytes = boxes.size();
    manifest.boxes_xxh3 = base::xxh3_hex(boxes);
    write_synced(kBoxesName, boxes);
    write_synced(kManifestName, to_text(manifest));
  }

  static void order(BoxTable& table) {
    std::sort(table.boxes.begin(), table.boxes.end(), [](const TableBox& a, const TableBox& b) {
      return std::tie(a.tensor, a.box) < std::tie(b.tensor, b.box);
    });
    for (std::size_t i = 0; i < table.boxes.size(); ++i) {
      TableTensor& tensor = table.tensors[table.boxes[i].tensor];
      if (tensor.box_count++ == 0) tensor.first_box = i;
    }
  }

  void write_synced(const char* name, const std::string& content) {
    const auto file = files_.open(partial_ / name, base::OpenMode::kCreateExclusive);
    file->pwrite(content.data(), content.size(), 0);
    file->sync();
    file->close();
    bytes_ += content.size();
  }

  void move_to_trash() {
    const Path trash = info_.directory / ".trash";
    if (!files_.is_directory(trash)) {
      files_.create_directory(trash);
      files_.sync_directory(info_.directory);  // or a crash may keep the rename and lose the directory
    }
    trashed_ = trash / base::str("step_", info_.step, ".", info_.token);
    files_.remove_all(*trashed_);
    files_.rename(target(), *trashed_);
  }

  void replace_latest() {
    try {
      files_.replace(info_.directory / "LATEST", base::str("step_", info_.step, "\n"));
    } catch (const base::IoError& error) {
      warning_ = base::str("LATEST is not up to date: ", error.what());
    }
  }

  void clean_up() {
    if (file_) file_.reset();
    coordinator_.barrier();  // nobody has a file open in there any more
    if (!root_ || committed_ || partial_.empty()) return;
    try {
      if (trashed_ && !files_.exists(target())) files_.rename(*trashed_, target());
      files_.remove_all(partial_);
    } catch (const base::IoError&) {
      // The next start of the run collects it (collect_leftovers).
    }
  }

  void share_root_result(SaveResult& result) {
    const base::Json mine = {{"bytes", bytes_}, {"lease_lost", lease_lost_}, {"warning", warning_}};
    const auto shared = base::Json::parse(
        coordinator_.broadcast(root_ ? mine.dump(-1, ' ', false, base::Json::error_handler_t::replace) : ""));
    result.bytes = shared.at("bytes").get<std::uint64_t>();
    result.lease_lost = shared.at("lease_lost").get<bool>();
    result.warning = shared.at("warning").get<std::string>();
  }

  Coordinator& coordinator_;
  base::FileSystem& files_;
  const SaveInfo& info_;
  std::span<const StoredBox> boxes_;
  bool root_;
  std::string failure_;
  Path partial_;
  SavePlan plan_;  // on rank 0
  std::vector<PlannedTensor> tensors_;
  Task task_;
  std::unique_ptr<base::File> file_;
  Report report_;
  // On rank 0:
  std::uint64_t bytes_ = 0;
  bool lease_lost_ = false;
  bool committed_ = false;
  std::optional<Path> trashed_;
  std::string warning_;
};

}  // namespace

SaveResult Writer::save(const SaveInfo& info, std::span<const StoredBox> boxes) {
  return Save(coordinator_, files_, info, boxes).run();
}

}  // namespace trireme::checkpoint
