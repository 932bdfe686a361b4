// A model in a directory of the Hugging Face kind: config.json, model.safetensors (or an index and shards),
// tokenizer.json.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "launcher/hub/record.hpp"
#include "models/spec/config.hpp"
#include "models/spec/families/hub_tensors.hpp"

namespace trireme::launcher {

/// A tensor of the files.
struct HubFileTensor {
  spec::HubTensor meaning;  ///< its name, and which logical tensors it holds
  std::size_t shard = 0;    ///< index into HubRecord::shards
  safetensors::Tensor place;
  std::uint64_t offset = 0;  ///< of its first byte in the shard's file
};

/// Where a logical tensor lies in the files: rows [first_row, first_row + rows) of tensor `tensor`, or of its
/// transpose.
struct HubPlace {
  std::size_t tensor = 0;  ///< index into tensors()
  std::int64_t first_row = 0;
};

/// Checked when it is opened: its config describes a model that we have, the headers of all shards fit their files, and
/// every logical tensor is there in its shape, as fp64, fp32, fp16 or bf16. Files may be links, as in hub caches.
class HubDirectory {
 public:
  /// Whether `path` is a directory that holds a config.json and no manifest of a checkpoint.
  static bool is_one(base::FileSystem& files, const std::filesystem::path& path);

  /// Throws base::InputError in one sentence that names the file, and the field or tensor, of what is missing, damaged
  /// or not supported; base::IoError for an error of the disk. Holds texts, headers and the bytes of tensors that no
  /// model trains; reads no weights.
  /// `max_headers` bounds the headers of all shards together.
  static HubDirectory open(base::FileSystem& files, const std::filesystem::path& path,
                           std::uint64_t max_headers = kMaxHubJson);
  /// The same directory from what another process read of it: looks at no file.
  static HubDirectory from_record(const std::filesystem::path& path, HubRecord record);

  const std::filesystem::path& path() const { return path_; }
  const HubRecord& record() const { return record_; }
  /// The model; complete, dropout 0. `sequence` is the longest that it was made for.
  const spec::ModelConfig& model() const { return model_; }
  /// All tensors of all shards, in the order of shards and places.
  const std::vector<HubFileTensor>& tensors() const { return tensors_; }
  /// The place of each logical tensor of the model.
  const std::map<std::string, HubPlace>& places() const { return places_; }
  /// The place of each logical tensor that a copy holds again (HubRole::kCopy): the numbers must be the same there,
  /// which open() does not check.
  const std::vector<std::pair<std::string, HubPlace>>& copies() const { return copies_; }
  /// Names of files that are there and are not carried along (tokenizer.model, pytorch_model.bin, weights that are not
  /// the model's, …), and of folders, with a '/' at their end; empty after from_record().
  const std::vector<std::string>& left_out() const { return left_out_; }

  /// fp64 where the file has it, else fp32.
  checkpoint::DataType stored_type(const std::string& logical) const;

 private:
  HubDirectory() = default;
  void understand();
  void read_texts(base::FileSystem& files);
  void read_headers(base::FileSystem& files, std::uint64_t max_headers);
  void find_left_out(base::FileSystem& files);
  void keep_untrained(base::FileSystem& files);

  std::filesystem::path path_;
  HubRecord record_;
  spec::ModelConfig model_;
  std::vector<HubFileTensor> tensors_;
  std::map<std::string, HubPlace> places_;
  std::vector<std::pair<std::string, HubPlace>> copies_;
  std::vector<std::string> left_out_;
};

}  // namespace trireme::launcher
