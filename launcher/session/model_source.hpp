// The model that a command uses: what its argument names, and where weights, options and tokenizer come from.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/options/run_options.hpp"

namespace trireme::launcher {

enum class ModelKind {
  kRunFile,        ///< a file: the run's newest checkpoint, or the one that --checkpoint names
  kRunDirectory,   ///< holds run.ini or checkpoints: its newest checkpoint
  kStepDirectory,  ///< holds MANIFEST.json: this checkpoint
  kHubDirectory    ///< holds config.json: a public model, read where it lies
};

struct ModelSource {
  ModelKind kind = ModelKind::kRunFile;
  /// Those of the run file or of the checkpoint, with the overrides. [model] is the weights' own; no dropout.
  options::RunOptions options;
  std::filesystem::path weights;  ///< a step directory, or the Hugging Face directory
  /// What the model's record holds beside the weights, by file name: config.json, tokenizer.json,
  /// tokenizer_config.json, chat_template.jinja, generation_config.json, … Empty when it has no record.
  std::map<std::string, std::string> texts;
  /// The tokenizer.json of the model, if that is known without a dataset: the record's. "" otherwise.
  std::string tokenizer_json;
  /// base::xxh3_hex of the tokenizer that the weights were trained with; "": unknown.
  std::string tokenizer_hash;
  std::vector<std::string> notes;  ///< lines for the log

  bool from_hub() const { return kind == ModelKind::kHubDirectory; }
};

/// Finds out what `path` names, by what is there, and reads options and texts, no weights. `overrides` win over what is
/// stored; `checkpoint` (--checkpoint, for run files only; "": none) names a step directory or a run directory.
///
/// Throws base::InputError in one sentence that says what to give instead: nothing is there, a directory of another
/// kind, a run without checkpoints, a model key on the command line that differs from the weights', `checkpoint` beside
/// a directory. Throws checkpoint::DamagedCheckpoint for a step directory that is not whole.
ModelSource find_model(base::FileSystem& files, const std::string& path, const options::Overrides& overrides,
                       const std::string& checkpoint = "");

/// The step directory that `path` names: itself when it holds a manifest; of a run directory the newest checkpoint
/// whose manifest, box table and shard lengths are whole. A line for each newer one goes to `notes` (null: is dropped).
/// Throws base::InputError when it is neither, and checkpoint::DamagedCheckpoint when no checkpoint of the run is
/// whole.
std::filesystem::path find_checkpoint(base::FileSystem& files, const std::filesystem::path& path,
                                      std::vector<std::string>* notes = nullptr);

}  // namespace trireme::launcher
