#include "launcher/hub/export.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "base/error.hpp"
#include "io/checkpoint/format/parallel.hpp"
#include "io/safetensors/index.hpp"
#include "launcher/hub/output_directory.hpp"
#include "launcher/hub/tensor_assembly.hpp"
#include "launcher/hub/tensor_writer.hpp"

namespace trireme::launcher {
namespace {

using Path = std::filesystem::path;
using base::str;
using checkpoint::Block;
using checkpoint::OpenedCheckpoint;
using checkpoint::PartWorker;

class Exporting {
 public:
  Exporting(base::FileSystem& files, const OpenedCheckpoint& opened, const ExportPlan& plan, const Path& directory,
            const ExportOptions& options)
      : files_(files),
        opened_(opened),
        plan_(plan),
        directory_(directory),
        options_(options),
        targets_(export_targets(plan, opened.table)),
        left_(plan.tensors.size()) {}

  std::uint64_t run(const std::map<std::string, KeptTensor>& kept, const std::map<std::string, std::string>& texts) {
    check_shapes();
    for (const ExportShard& shard : plan_.shards) make_file(shard);
    for (const ExportTensor& tensor : plan_.tensors) write_kept(tensor, kept);
    write_tensors();
    std::set<Path> folders;
    for (const auto& [name, text] : texts) {
      const Path folder = Path(name).parent_path();
      if (!folder.empty() && folders.insert(folder).second) files_.create_directory(directory_ / folder);
      write_small(directory_ / name, text);
    }
    for (const Path& folder : folders) files_.sync_directory(directory_ / folder);
    files_.sync_directory(directory_);
    return total_;
  }

 private:
  void check_shapes() const {
    for (const ExportTensor& tensor : plan_.tensors) {
      if (tensor.meaning.parts.empty()) continue;
      std::int64_t elements = 0;
      for (const std::string& part : tensor.meaning.parts) {
        const auto index = opened_.table.find(checkpoint::kParam, part);
        elements += topology::elements_of(opened_.table.tensors.at(static_cast<std::size_t>(index)).shape);
      }
      if (elements == topology::elements_of(tensor.place.shape)) continue;
      throw base::InputError(str("checkpoint ", opened_.path.string(), " has ", elements, " elements for ",
                                 tensor.place.name, ", and its model says ",
                                 topology::elements_of(tensor.place.shape)));
    }
  }

  void make_file(const ExportShard& shard) {
    const auto file = files_.open(directory_ / shard.name, base::OpenMode::kCreateExclusive);
    file->allocate(shard.head.size() + shard.data_bytes);
    file->pwrite(shard.head.data(), shard.head.size(), 0);
    file->sync();
    file->close();
    total_ += shard.head.size() + shard.data_bytes;
  }

  void write_kept(const ExportTensor& tensor, const std::map<std::string, KeptTensor>& kept) {
    if (!tensor.meaning.parts.empty() || tensor.place.bytes() == 0) return;
    const auto found = kept.find(tensor.place.name);
    if (found == kept.end() || found->second.bytes != tensor.place.bytes()) {
      throw base::InputError(str("HUB.json of ", opened_.path.string(), " lacks the numbers of ", tensor.place.name));
    }
    const std::string bytes = unpack(found->second, tensor.place.name);
    const auto file = files_.open(directory_ / plan_.shards[tensor.shard].name, base::OpenMode::kReadWrite);
    file->pwrite(bytes.data(), bytes.size(), tensor.offset);
    file->sync();
    file->close();
  }

  /// A piece of the work: a block for all tensors that take it as it comes, or a tensor that is put together first.
  struct Work {
    std::optional<Block> block;
    std::size_t tensor = 0;
  };

  std::vector<Work> plan_work() {
    std::vector<Work> work;
    std::vector<bool> planned(plan_.tensors.size(), false);
    for (const Block& block : blocks_in_file_order(opened_.table)) {
      const auto& tensor = opened_.table.tensors[block.box->tensor];
      if (tensor.slot != checkpoint::kParam || !targets_.contains(tensor.name)) continue;
      blocks_[tensor.name].push_back(block);
      std::vector<ExportTarget>& targets = targets_.at(tensor.name);
      for (const ExportTarget& target : targets) {
        if (!TensorAssembly::takes(plan_.tensors[target.tensor])) {
          ++left_[target.tensor];
        } else if (!planned[target.tensor]) {
          planned[target.tensor] = true;
          work.push_back({std::nullopt, target.tensor});
        }
      }
      const bool any = std::ranges::any_of(
          targets, [&](const auto& target) { return !TensorAssembly::takes(plan_.tensors[target.tensor]); });
      if (any) work.push_back({block, 0});
    }
    for (auto& [name, targets] : targets_) {
      std::erase_if(targets, [&](const auto& target) { return TensorAssembly::takes(plan_.tensors[target.tensor]); });
    }
    return work;
  }

  void write_tensors() {
    const std::vector<Work> work = plan_work();
    struct Hand {
      explicit Hand(const Exporting& all)
          : reader(all.files_, all.opened_),
            writer(all.files_, all.directory_, all.plan_),
            assembly(all.files_, all.opened_, all.directory_, all.plan_, all.blocks_, reader) {}
      checkpoint::BlockReader reader;
      TensorWriter writer;
      TensorAssembly assembly;
    };
    std::mutex mutex;
    std::vector<std::shared_ptr<Hand>> hands;
    checkpoint::for_each_part(work.size(), options_.threads, [&]() -> PartWorker {
      const auto hand = std::make_shared<Hand>(*this);
      const std::lock_guard lock(mutex);
      hands.push_back(hand);
      return [this, &work, hand](std::size_t i) {
        if (work[i].block) {
          copy_block(*work[i].block, hand->reader, hand->writer);
        } else {
          hand->assembly.write(plan_.tensors[work[i].tensor], [this](std::uint64_t bytes) { report(bytes); });
        }
      };
    });
    checkpoint::for_each_part(hands.size(), options_.threads, [&]() -> PartWorker {
      return [&](std::size_t i) {
        hands[i]->writer.finish();
        hands[i]->assembly.finish();
      };
    });
  }

  void copy_block(const Block& block, checkpoint::BlockReader& reader, TensorWriter& writer) {
    const auto& tensor = opened_.table.tensors[block.box->tensor];
    const auto data = reader.read(block);
    for (const ExportTarget& target : targets_.at(tensor.name)) {
      writer.write(tensor, block, data, target);
      if (--left_[target.tensor] == 0) start_write_back(plan_.tensors[target.tensor]);
    }
    report(data.size());
  }

  void report(std::uint64_t bytes) {
    if (!options_.progress(read_ += bytes)) throw base::Stopped("the export was stopped");
  }

  /// Rows of a transposed or divided tensor are written in pieces through the page cache. Each page goes to disk once
  /// when it waits for all of them.
  void start_write_back(const ExportTensor& tensor) {
    files_.open(directory_ / plan_.shards[tensor.shard].name, base::OpenMode::kReadWrite)
        ->start_write_back(tensor.offset, tensor.place.bytes());
  }

  void write_small(const Path& path, const std::string& text) {
    const auto file = files_.open(path, base::OpenMode::kCreateExclusive);
    file->pwrite(text.data(), text.size(), 0);
    file->sync();
    file->close();
    total_ += text.size();
  }

  base::FileSystem& files_;
  const OpenedCheckpoint& opened_;
  const ExportPlan& plan_;
  const Path& directory_;
  const ExportOptions& options_;
  std::map<std::string, std::vector<ExportTarget>> targets_;  ///< those that take blocks as they come
  BlocksOf blocks_;
  std::vector<std::atomic<std::size_t>> left_;  ///< blocks still to come, for each tensor of the plan
  std::atomic<std::uint64_t> read_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace

std::string why_no_export(base::FileSystem& files, const Path& path) {
  if (!files.exists(path / "config.json")) return "has no config.json";
  const std::vector<std::string>& texts = hub_text_names();
  std::vector<std::string> pending = files.list(path);
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    const bool text = std::ranges::find(texts, name) != texts.end();
    const bool folder = files.is_directory(path / name) && !files.is_link(path / name);
    const bool of_texts = std::ranges::any_of(texts, [&](const auto& each) { return each.starts_with(name + "/"); });
    if (folder && of_texts) {
      for (const std::string& inner : files.list(path / name)) pending.push_back(str(name, "/", inner));
    } else if (folder || !(text || safetensors::is_shard_name(name))) {
      return str("holds ", name, ", which is no part of one");
    }
  }
  return "";
}

std::uint64_t export_hub(base::FileSystem& files, const OpenedCheckpoint& opened, const ExportPlan& plan,
                         const std::map<std::string, KeptTensor>& kept, const std::map<std::string, std::string>& texts,
                         const Path& output, const ExportOptions& options) {
  OutputDirectory target(files, output, options.overwrite, "a model in Hugging Face's format",
                         [&](const Path& existing) { return why_no_export(files, existing); });
  std::map<std::string, std::string> all = texts;
  all.emplace("config.json", plan.config);
  if (plan.index) all.emplace("model.safetensors.index.json", *plan.index);
  const std::uint64_t bytes = Exporting(files, opened, plan, target.partial(), options).run(kept, all);
  target.commit();
  return bytes;
}

}  // namespace trireme::launcher
