// What an attempt had, for the run's record.
#pragma once

#include "launcher/attempt/restore.hpp"
#include "launcher/record/attempt_record.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// On rank 0, once the attempt is restored. `attempt`: its number. Throws base::IoError when the
/// manifest of the weights that it began with cannot be read any more.
AttemptRecord describe_for_record(base::FileSystem& files, int attempt, const RunInput& input, Session& session,
                                  const Start& start);

}  // namespace trireme::launcher
