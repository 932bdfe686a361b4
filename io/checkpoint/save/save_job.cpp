#include "io/checkpoint/save/save_job.hpp"

#include <algorithm>

#include "base/checksum.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/format/hub_file.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "io/checkpoint/ranks/together.hpp"
#include "io/checkpoint/save/partner_copy.hpp"

namespace trireme::checkpoint {
namespace {

using Path = std::filesystem::path;

bool is_plain_word(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; });
}

}  // namespace

SaveJob::SaveJob(Coordinator& coordinator, base::FileSystem& files, const SaveInfo& info, const PreparedSave& prepared,
                 Snapshot& snapshot)
    : coordinator_(coordinator),
      files_(files),
      info_(info),
      prepared_(prepared),
      snapshot_(snapshot),
      root_(coordinator.rank() == 0) {}

SaveResult SaveJob::run(const std::exception_ptr& copy_failure, const std::function<void()>& live_written) {
  if (info_.node_local) nodes_ = gather_nodes(coordinator_);
  const bool good = make_partial(copy_failure) && make_node_directories() && create_shard() &&
                    write_boxes(live_written) && copy_to_partner() && commit();
  if (!good) clean_up();
  SaveResult result;
  result.ok = good;
  result.error = good ? "" : base::str("cannot save step ", info_.step, ": ", failure_);
  share_root_result(result);
  result.step = info_.step;
  result.path = target();
  return result;
}

bool SaveJob::agree(const std::function<void()>& body) {
  failure_ = together(coordinator_, body);
  return failure_.empty();
}

Path SaveJob::target() const { return info_.directory / base::str("step_", info_.step); }

Path SaveJob::checked_partial() const {
  if (!is_plain_word(info_.job) || !is_plain_word(info_.token)) {
    throw base::Error("job and token must be words of letters, digits, '_' and '-'");
  }
  return info_.directory / base::str(".step_", info_.step, ".", info_.job, ".", info_.token, ".partial");
}

bool SaveJob::make_partial(const std::exception_ptr& copy_failure) {
  const bool good = agree([&] {
    if (copy_failure) std::rethrow_exception(copy_failure);
    if (root_) partial_ = checked_partial();
  });
  if (!good) return false;
  partial_ = coordinator_.broadcast(partial_.string());
  return agree([&] {
    if (!keeps_directories()) return;
    if (!files_.is_directory(info_.directory)) {
      files_.create_directory(info_.directory);
      files_.sync_directory(info_.directory.parent_path());
    }
    files_.remove_all(partial_);
    files_.create_directory(partial_);
  });
}

bool SaveJob::make_node_directories() {
  return agree([&] {
    const Task& task = prepared_.task;
    if (task.makes_node_directory) files_.create_directory((partial_ / task.file).parent_path());
  });
}

bool SaveJob::create_shard() {
  return agree([&] {
    if (!prepared_.layout) return;
    const ShardLayout& layout = *prepared_.layout;
    file_ = files_.open(partial_ / prepared_.task.file, base::OpenMode::kCreateExclusive);
    file_->allocate(layout.image.length());
    layout.image.write_to(*file_);
    report_.file_bytes = layout.image.length();
    report_.metadata_crc32c = layout.metadata_crc32c;
  });
}

bool SaveJob::write_boxes(const std::function<void()>& live_written) {
  return agree([&] {
    const Task& task = prepared_.task;
    if (task.file.empty()) {
      live_written();
      return;
    }
    const Path path = partial_ / task.file;
    if (!file_) file_ = files_.open(path, base::OpenMode::kReadWrite);
    report_.offsets = prepared_.offsets;
    report_.crc32c.resize(task.pieces.size());
    BodyWriter body(files_, path, *file_);
    write_pieces(body, true);
    live_written();  // BodyWriter has copied them
    write_pieces(body, false);
    body.finish();
    file_->sync();
    file_->close();
    if (task.makes_node_directory) files_.sync_directory(path.parent_path());
  });
}

void SaveJob::write_pieces(BodyWriter& body, bool live) {
  for (std::size_t i = 0; i < prepared_.task.pieces.size(); ++i) {
    if (snapshot_.is_live(i) == live) report_.crc32c[i] = snapshot_.write(i, body, prepared_.offsets.at(i));
  }
}

bool SaveJob::copy_to_partner() {
  if (!info_.node_local || coordinator_.nodes() == 1) return true;
  const OwnShard own = prepared_.layout ? OwnShard{prepared_.task.file, report_.file_bytes} : OwnShard{};
  failure_ = PartnerCopy(coordinator_, files_, nodes_, partial_).run(own);
  return failure_.empty();
}

bool SaveJob::commit() {
  const auto reports = coordinator_.gather(encode_report(report_));
  const bool made = agree([&] {
    if (root_) make_tables(reports);
  });
  if (made && info_.node_local) {
    boxes_text_ = coordinator_.broadcast(std::move(boxes_text_));
    manifest_text_ = coordinator_.broadcast(std::move(manifest_text_));
    hub_text_ = coordinator_.broadcast(std::move(hub_text_));
  }
  const bool published = made && agree([&] {
                           if (keeps_directories()) write_tables();
                           if (!root_ || !info_.holds_lease || info_.holds_lease()) return;
                           lease_lost_ = true;
                           throw base::Error("another job has taken over this run directory");
                         }) &&
                         agree([&] {
                           if (keeps_directories()) publish();
                         });
  if (published && info_.node_local && keeps_directories()) drop_other_steps();
  return published;
}

void SaveJob::write_tables() {
  if (!hub_text_.empty()) write_synced(kHubName, hub_text_);
  write_synced(kBoxesName, boxes_text_);
  write_synced(kManifestName, manifest_text_);
  files_.sync_directory(partial_);
}

void SaveJob::publish() {
  if (files_.exists(target())) move_to_trash();
  files_.rename(partial_, target());
  committed_ = true;
  files_.sync_directory(info_.directory);
  if (info_.latest) replace_latest();
}

// Called only after all nodes have committed: until then the step before may be the newest that is whole.
void SaveJob::drop_other_steps() {
  try {
    for (const auto step : committed_steps(files_, info_.directory.parent_path())) {
      if (step != info_.step) files_.remove_all(info_.directory / base::str("step_", step));
    }
    files_.remove_all(info_.directory / ".trash");
  } catch (const base::IoError& error) {
    warning_ = base::str("an older step stays on this node's disk: ", error.what());
  }
}

void SaveJob::make_tables(const std::vector<std::string>& reports) {
  Manifest manifest{.step = info_.step,
                    .run_id = info_.run_id,
                    .attempt = info_.attempt,
                    .job = info_.job,
                    .created = base::utc_now(),
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
  for (const auto& tensor : prepared_.plan.tensors)
    table.tensors.push_back({tensor.slot, tensor.name, tensor.shape, tensor.dtype});
  manifest.files.resize(prepared_.plan.files.size());
  for (std::size_t rank = 0; rank < reports.size(); ++rank) {
    const int index = prepared_.plan.file_of_rank[rank];
    if (index < 0) continue;
    Report report = decode_report(reports[rank]);
    if (prepared_.plan.files[index].leader == static_cast<int>(rank)) {
      manifest.files[index] = {prepared_.plan.files[index].name, report.file_bytes, report.metadata_crc32c};
      bytes_ += report.file_bytes;
    }
    for (std::size_t i = 0; i < prepared_.plan.pieces[rank].size(); ++i) {
      const Piece& piece = prepared_.plan.pieces[rank][i];
      table.boxes.push_back({piece.tensor, static_cast<std::uint32_t>(index), piece.box, report.offsets.at(i),
                             std::move(report.crc32c.at(i))});
    }
  }
  order_boxes(table);
  hub_text_ = info_.hub;
  if (!hub_text_.empty()) manifest.files.push_back(hub_entry(hub_text_));
  boxes_text_ = to_bytes(table, manifest.files.size());
  manifest.boxes_bytes = boxes_text_.size();
  manifest.boxes_xxh3 = base::xxh3_hex(boxes_text_);
  manifest_text_ = to_text(manifest);
}

void SaveJob::write_synced(const char* name, const std::string& content) {
  const auto file = files_.open(partial_ / name, base::OpenMode::kCreateExclusive);
  file->pwrite(content.data(), content.size(), 0);
  file->sync();
  file->close();
  bytes_ += content.size();
}

void SaveJob::move_to_trash() {
  trashed_ = make_trash(files_, info_.directory) / base::str("step_", info_.step, ".", info_.token);
  files_.remove_all(*trashed_);
  files_.rename(target(), *trashed_);
}

void SaveJob::replace_latest() {
  try {
    files_.replace(info_.directory / "LATEST", base::str("step_", info_.step, "\n"));
  } catch (const base::IoError& error) {
    warning_ = base::str("LATEST is not up to date: ", error.what());
  }
}

void SaveJob::clean_up() {
  if (file_) file_.reset();
  coordinator_.barrier();  // after this no rank has a file open in the directory
  if (!keeps_directories() || committed_ || partial_.empty()) return;
  try {
    if (trashed_ && !files_.exists(target())) files_.rename(*trashed_, target());
    files_.remove_all(partial_);
  } catch (const base::IoError&) {
    // The next start of the run collects it (collect_leftovers).
  }
}

void SaveJob::share_root_result(SaveResult& result) {
  const base::Json mine = {{"bytes", bytes_}, {"lease_lost", lease_lost_}, {"warning", warning_}};
  const auto shared = base::Json::parse(
      coordinator_.broadcast(root_ ? mine.dump(-1, ' ', false, base::Json::error_handler_t::replace) : ""));
  result.bytes = shared.at("bytes").get<std::uint64_t>();
  result.lease_lost = shared.at("lease_lost").get<bool>();
  result.warning = shared.at("warning").get<std::string>();
}

}  // namespace trireme::checkpoint
