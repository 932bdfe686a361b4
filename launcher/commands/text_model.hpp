// What generate and chat have in common: a model that writes text, found, checked and loaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "collectives/mpi/world.hpp"
#include "io/text/tokenizer.hpp"
#include "launcher/inference/generation_options.hpp"
#include "launcher/inference/text_generation.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/device.hpp"
#include "launcher/session/model_input.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

class TextModel {
 public:
  /// Collective: finds the model that the command line names and its tokenizer, without weights. `world` and `files`
  /// must outlive it. Errors as find_model and prepare_model.
  TextModel(collectives::MpiWorld& world, base::FileSystem& files, const options::RunArguments& run,
            const std::string& checkpoint, const base::Log& log);

  collectives::MpiWorld& world() { return world_; }
  const text::Tokenizer& tokenizer() const { return tokenizer_; }
  const ModelSource& source() const { return input_.source; }
  std::int64_t sequence() const { return input_.resolved.model.sequence; }
  bool speaks() const { return world_.rank() == 0; }

  /// Collective: reads the weights.
  void load();
  /// Collective, after load(): what `prompts` of rank 0 become; those of other ranks do not count. Rank 0 gets the
  /// texts.
  std::vector<Completion> write(const std::vector<Prompt>& prompts, const GenerationOptions& options,
                                const GenerationEvents& events);
  /// Collective: an orderly end.
  void finish();

 private:
  collectives::MpiWorld& world_;
  base::FileSystem& files_;
  std::unique_ptr<Device> device_;
  ModelInput input_;
  text::Tokenizer tokenizer_;
  std::unique_ptr<Session> session_;
};

/// The options of a command line as the generation takes them; `chat`: whether a turn of a conversation ends the text.
GenerationOptions generation_options(const options::DrawingOptions& drawing, const TextModel& model, bool chat);

}  // namespace trireme::launcher
