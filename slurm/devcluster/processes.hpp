// Starts the daemons of a cluster in the background. They are identified by process id and start time, and nothing else
// is ever ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace trireme::devcluster {

/// One process. The system reuses a process id after its process is gone; the start time tells the two apart.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t started = 0;  ///< clock ticks since boot (proc(5), stat, field 22)
};

/// Whether /proc shows that this very process exists and is no zombie.
bool is_alive(const ProcessId& process);

/// Starts words[0] from PATH in a session of its own, with /dev/null as its input and `log` (appended) as its output.
/// `environment`: "NAME=value" lines added to this process's own. Throws base::Error when it cannot be started.
ProcessId start_daemon(const std::vector<std::string>& words, const std::filesystem::path& log,
                       const std::vector<std::string>& environment = {});

/// Sends SIGTERM to the processes that are alive, waits up to `seconds` until all are gone, then sends SIGKILL to the
/// rest.
void end_processes(const std::vector<ProcessId>& processes, double seconds);

/// All processes in the UTS namespace that the file `pin` holds (a bind mount of /proc/PID/ns/uts).
std::vector<ProcessId> processes_in(const std::filesystem::path& pin);

/// All processes except this one whose environment had the line `variable` ("NAME=value") when they started.
std::vector<ProcessId> processes_with(const std::string& variable);

/// Writes and reads lines of "role pid started"; torn or foreign lines are skipped.
struct Record {
  std::string role;  ///< "munged", "slurmctld", "n1", …
  ProcessId process;
};
std::string to_line(const Record& record);
std::vector<Record> records_from(const std::string& text);

}  // namespace trireme::devcluster
