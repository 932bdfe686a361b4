// metadata_bench RUN_DIR: what a checkpoint of tp8·pp8·dp64 with zero 1 (4096 ranks on 512 nodes; 1,002 tensors of
// three slots, 22 billion parameters) costs beside its data. The boxes are those that the trainer's ranks would hold.
// Prints one JSON object: the time of rank 0's planning (from the ranks' messages to the tasks sent back), of writing
// manifest and box table (with fsync), and of reading and parsing them. Leaves step_1 in RUN_DIR/checkpoints: its
// shards have their lengths, but no data.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.hpp"
#include "base/error.hpp"
#include "base/host_memory.hpp"
#include "base/json.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/save/save_messages.hpp"
#include "io/checkpoint/save/save_plan.hpp"
#include "models/layout/state_boxes.hpp"
#include "models/spec/families/family.hpp"

namespace {

using namespace trireme;
using namespace trireme::checkpoint;
using Clock = std::chrono::steady_clock;
using Path = std::filesystem::path;

constexpr int kRanksPerNode = 8;

/// Seconds on the clock and of this process's CPU since it was made: they differ where the disk or others are waited
/// for.
class Stopwatch {
 public:
  base::Json json() const {
    return {{"seconds", std::chrono::duration<double>(Clock::now() - start_).count()},
            {"cpu_seconds", static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC}};
  }

 private:
  Clock::time_point start_ = Clock::now();
  std::clock_t cpu_ = std::clock();
};

layout::StateLayout big_layout() {
  layout::StateLayout layout;
  spec::ModelConfig model = spec::defaults_of("llama", {.layers = 111, .hidden = 4096, .heads = 32});
  model.sequence = 4096;
  model.vocab = 32000;
  layout.model = spec::make_plan(model);
  layout.degrees = {8, 1, 64, 8};
  layout.zero = 1;
  return layout;
}

/// What one rank tells rank 0.
std::string message_of(const layout::StateLayout& layout, int rank) {
  const auto state = layout::state_of_rank(layout, topology::Mesh(layout.degrees).coordinates(rank));
  std::vector<StoredBox> boxes;
  for (const std::string slot : {kParam, kAdamM, kAdamV}) {
    for (auto& held : slot == kParam ? layout::parameter_boxes(layout, state) : layout::update_boxes(layout, state)) {
      const auto& tensor = state.flat.parameters[static_cast<std::size_t>(held.parameter)].tensor;
      if (held.stored) boxes.push_back({slot, tensor.name, tensor.shape, DataType::kFloat32, std::move(held.box)});
    }
  }
  return encode_declared(rank / kRanksPerNode, boxes);
}

SavePlan plan(const std::vector<std::string>& messages, std::size_t& declared_boxes) {
  std::vector<std::vector<DeclaredBox>> declared;
  std::vector<int> nodes;
  for (const auto& message : messages) {
    declared.push_back(decode_declared(message, &nodes.emplace_back()));
    declared_boxes += declared.back().size();
  }
  SavePlan plan = make_save_plan(declared, nodes, kRanksPerNode);
  encode_tensors(plan.tensors);
  encode_tasks(plan);
  return plan;
}

/// The table and the manifest that the ranks' reports would make: boxes one after another in their shards.
std::pair<BoxTable, Manifest> tables_of(const SavePlan& plan) {
  BoxTable table;
  Manifest manifest;
  manifest.step = 1;
  manifest.run_id = "metadata";
  manifest.created = "1970-01-01T00:00:00Z";
  manifest.layout = "tp8·pp8·dp64";
  manifest.cursor = manifest.extra = manifest.versions = base::Json::object();
  for (const auto& tensor : plan.tensors)
    table.tensors.push_back({tensor.slot, tensor.name, tensor.shape, tensor.dtype});
  for (const auto& file : plan.files) manifest.files.push_back({file.name, 1 << 20, 0});
  for (std::size_t rank = 0; rank < plan.pieces.size(); ++rank) {
    for (const Piece& piece : plan.pieces[rank]) {
      auto& end = manifest.files[static_cast<std::size_t>(plan.file_of_rank[rank])].bytes;
      TableBox box{piece.tensor, static_cast<std::uint32_t>(plan.file_of_rank[rank]), piece.box, end, {}};
      const std::uint64_t bytes = static_cast<std::uint64_t>(piece.box.elements()) * size_of(DataType::kFloat32);
      box.crc32c.assign((bytes + kBlockBytes - 1) / kBlockBytes, 0x12345678);
      end += bytes;
      table.boxes.push_back(std::move(box));
    }
  }
  return {std::move(table), std::move(manifest)};
}

void write_synced(base::FileSystem& files, const Path& path, const std::string& text) {
  const auto file = files.open(path, base::OpenMode::kCreate);
  file->pwrite(text.data(), text.size(), 0);
  file->sync();
  file->close();
}

/// What rank 0 does with the reports; the length of BOXES.bin.
std::uint64_t write_tables(base::FileSystem& files, const Path& step, BoxTable table, Manifest manifest) {
  order_boxes(table);
  const std::string boxes = to_bytes(table, manifest.files.size());
  manifest.boxes_bytes = boxes.size();
  manifest.boxes_xxh3 = base::xxh3_hex(boxes);
  write_synced(files, step / kBoxesName, boxes);
  write_synced(files, step / kManifestName, to_text(manifest));
  return boxes.size();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: metadata_bench RUN_DIR\n", stderr);
    return 2;
  }
  base::keep_freed_memory();  // as the program does
  const Path step = Path(argv[1]) / "checkpoints" / "step_1";
  std::filesystem::create_directories(step);
  const layout::StateLayout layout = big_layout();
  std::vector<std::string> messages;
  for (int rank = 0; rank < layout.degrees.world(); ++rank) messages.push_back(message_of(layout, rank));

  std::size_t declared = 0;
  const Stopwatch planning;
  const SavePlan save_plan = plan(messages, declared);
  const base::Json planned = planning.json();

  base::PosixFileSystem files;
  auto [table, manifest] = tables_of(save_plan);
  for (const auto& shard : manifest.files) {
    std::filesystem::create_directories((step / shard.name).parent_path());
    files.open(step / shard.name, base::OpenMode::kCreate)->truncate(shard.bytes);
  }
  const std::size_t boxes = table.boxes.size();
  const std::size_t shards = manifest.files.size();
  const Stopwatch writing;
  const std::uint64_t bytes = write_tables(files, step, std::move(table), std::move(manifest));
  const base::Json written = writing.json();

  const Stopwatch parsing;
  const OpenedCheckpoint opened = open_tables(files, step);
  const base::Json parsed = parsing.json();
  if (opened.table.boxes.size() != boxes) throw base::Error("the parsed table has other boxes");

  std::printf("%s\n", base::to_line(base::Json{{"ranks", layout.degrees.world()},
                                               {"tensors", save_plan.tensors.size()},
                                               {"declared_boxes", declared},
                                               {"stored_boxes", boxes},
                                               {"shards", shards},
                                               {"boxes_bytes", bytes},
                                               {"plan", planned},
                                               {"write", written},
                                               {"parse", parsed}})
                          .c_str());
  return 0;
}
