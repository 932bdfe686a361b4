// `trireme eval` on lines of text: --logprobs, --choices and --embed.
#pragma once

#include <memory>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "collectives/mpi/world.hpp"
#include "launcher/options/run_arguments.hpp"
#include "launcher/session/model_input.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// Whether one of the three is given. Throws base::InputError for options that do not go together.
bool reads_texts(const options::EvalLine& command);

/// One of the three: the lines are read, the output is open.
class TextTask {
 public:
  virtual ~TextTask() = default;
  /// Collective: computes, writes the output and answers.
  virtual void run(Session& session) = 0;
};

/// Collective: rank 0 reads the lines and opens the output, so that what is wrong with them is known before weights are
/// loaded. All references must outlive the result. Throws base::InputError on all ranks for a model that cannot do it,
/// for a line that cannot be used, and what base::output_file() does.
std::unique_ptr<TextTask> make_text_task(collectives::MpiWorld& world, base::FileSystem& files,
                                         base::SignalThread& signals, const options::EvalLine& command,
                                         const ModelInput& input, const base::Log& log);

}  // namespace trireme::launcher
