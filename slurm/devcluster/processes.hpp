// Daemons of a cluster: started in the background, known by process id and start time, and ended by these alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace trireme::devcluster {

/// One process. A process id is used again by the system after its process is gone; with the start time it is not.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t started = 0;  ///< clock ticks since boot (proc(5), stat, field 22)
};

/// What /proc tells of a process that is there and no zombie; nothing started for one that is not.
bool is_alive(const ProcessId& process);

/// Starts words[0] from PATH in a session of its own, with /dev/null as its input and `log` (appended) as its output.
/// `environment`: "NAME=value" lines set beside this process's own. base::Error when it cannot be started.
ProcessId start_daemon(const std::vector<std::string>& words, const std::filesystem::path& log,
                       const std::vector<std::string>& environment = {});

/// Sends SIGTERM to those that are alive, waits up to `seconds` until all are gone, then SIGKILL to the rest.
void end_processes(const std::vector<ProcessId>& processes, double seconds);

/// All processes in the UTS namespace that the file `pin` holds (a bind mount of /proc/PID/ns/uts).
std::vector<ProcessId> processes_in(const std::filesystem::path& pin);

/// All processes but this one whose environment, as it was at their start, holds the line `variable` ("NAME=value").
std::vector<ProcessId> processes_with(const std::string& variable);

/// Lines of "role pid started", and back; lines that are torn or foreign are skipped.
struct Record {
  std::string role;  ///< "munged", "slurmctld", "n1", …
  ProcessId process;
};
std::string to_line(const Record& record);
std::vector<Record> records_from(const std::string& text);

}  // namespace trireme::devcluster
