#include "io/lease/lease.hpp"

#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/names.hpp"
#include "base/own_file.hpp"

namespace trireme::checkpoint {
namespace {

using base::Json;
using std::chrono::steady_clock;
using Path = std::filesystem::path;

constexpr std::chrono::milliseconds kPoll{500};

std::string to_text(const LeaseHolder& holder, std::uint64_t beats) {
  return base::to_line(Json{{"job", holder.job},
                            {"restart", holder.restart},
                            {"host", holder.host},
                            {"machine", holder.machine},
                            {"process", holder.process},
                            {"started", holder.started},
                            {"token", holder.token},
                            {"cluster", holder.cluster},
                            {"beat", beats}}) +
         "\n";
}

/// Nothing when the text is not (yet) a lease.
std::optional<LeaseHolder> parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  try {
    LeaseHolder holder{json.at("job").get<std::string>(),      base::whole_number(json.at("restart")),
                       json.at("host").get<std::string>(),     json.at("machine").get<std::string>(),
                       base::whole_number(json.at("process")), json.at("started").get<std::string>(),
                       json.at("token").get<std::string>(),    json.value("cluster", "")};
    // These values become words of messages and of commands that ask the queue, so they are checked.
    const bool ours = base::is_job_id(holder.job) && (holder.host.empty() || base::is_host_name(holder.host)) &&
                      (holder.cluster.empty() || base::is_host_name(holder.cluster));
    return ours ? std::optional(std::move(holder)) : std::nullopt;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const base::Error&) {
    return std::nullopt;
  }
}

std::optional<std::string> read_if_there(base::FileSystem& files, const Path& path) {
  try {
    return base::read_own(files, path);
  } catch (const base::IoError& error) {
    if (error.code() == ENOENT) return std::nullopt;
    throw;
  }
}

void remove_if_there(base::FileSystem& files, const Path& path) {
  try {
    files.remove(path);
  } catch (const base::IoError& error) {
    if (error.code() != ENOENT) throw;
  }
}

/// "job 12 of cluster alpha, process 3 on n1"; the process is left out where it says nothing.
std::string name_of(const LeaseHolder& holder, bool with_process) {
  return base::str("job ", holder.job, holder.cluster.empty() ? "" : " of cluster " + holder.cluster,
                   with_process ? base::str(", process ", holder.process) : "", " on ", holder.host);
}

/// Called before an error is thrown: removes a file that a later start would have to watch, if the disk allows it.
void try_to_remove(base::FileSystem& files, const Path& path) {
  try {
    files.remove(path);
  } catch (const base::IoError&) {  // the first error is the one to report
  }
}

/// Creates the file. Returns false when something is there already; reading that says what it is.
bool create(base::FileSystem& files, const Path& path, const std::string& text) {
  std::unique_ptr<base::File> file;
  try {
    file = files.open(path, base::OpenMode::kCreateExclusive);
  } catch (const base::IoError& error) {
    if (error.code() != EEXIST) throw;
    return false;
  }
  try {
    file->pwrite(text.data(), text.size(), 0);
    file->sync();
    file->close();
    files.sync_directory(path.parent_path());
  } catch (const base::IoError&) {
    try_to_remove(files, path);
    throw;
  }
  return true;
}

/// One attempt to take the lease.
class Acquisition {
 public:
  Acquisition(base::FileSystem& files, const Path& run_directory, const LeaseHolder& self, const LeaseWorld& world,
              const std::function<void(const std::string&)>& say)
      : files_(files),
        run_directory_(run_directory),
        lease_(run_directory / "lease"),
        takeover_(run_directory / "lease.takeover"),
        self_(self),
        world_(world),
        say_(say) {}

  void run() {
    while (!create(files_, lease_, to_text(self_, 0))) {
      const auto content = read_if_there(files_, lease_);
      if (!content) continue;  // it was released in the meantime
      const auto holder = parse(*content);
      if (holder && is_alive_here(*holder)) {
        if (!ends(*holder)) refuse(holder);
        continue;
      }
      if ((holder && is_gone(*holder)) || stays_unchanged(lease_, *content, holder)) {
        if (take_over(*content)) return;
      }
    }
  }

 private:
  bool on_this_machine(const LeaseHolder& holder) const {
    return holder.machine == self_.machine && holder.host == self_.host;
  }
  bool is_alive_here(const LeaseHolder& holder) const {
    return on_this_machine(holder) && world_.process_alive(holder.process, holder.started);
  }

  bool is_gone(const LeaseHolder& holder) const {
    if (on_this_machine(holder)) return true;  // the process is known not to be alive
    if (holder.job == "local" || holder.cluster.empty()) return false;
    if (holder.job == self_.job && holder.cluster == self_.cluster) return holder.restart < self_.restart;
    return world_.cluster && holder.cluster == world_.cluster() && world_.job_running(holder.job) == false;
  }

  /// Watches a holder on this machine for kLeaving: true when it ended or gave the lease away. A rank outlives a killed
  /// launcher by a moment.
  bool ends(const LeaseHolder& holder) {
    if (say_) {
      say_(base::str("run directory ", run_directory_.string(), " is in use by ", name_of(holder, true),
                     "; waiting for up to ", Lease::kLeaving.count(), " s whether it ends"));
    }
    const auto start = world_.now();
    while (is_alive_here(holder)) {
      const auto content = read_if_there(files_, lease_);
      const auto now = content ? parse(*content) : std::nullopt;
      if (!now || now->token != holder.token) return true;
      if (world_.now() - start >= Lease::kLeaving) return false;
      if (!world_.wait(kPoll)) throw base::Stopped("stopped while waiting for " + lease_.string());
    }
    return true;
  }

  [[noreturn]] void refuse(const std::optional<LeaseHolder>& holder) const {
    throw base::Error(base::str("run directory ", run_directory_.string(), " is in use",
                                holder ? " by " + name_of(*holder, true) : "",
                                ": wait until that run ends or stop it, or choose another run.dir"));
  }

  /// Watches a file for kUnchanged. Returns true when it stayed as it is; throws when the lease changes meanwhile.
  bool stays_unchanged(const Path& path, const std::string& content, const std::optional<LeaseHolder>& holder) {
    if (say_) {
      say_(base::str("run directory ", run_directory_.string(), " was last used",
                     holder ? " by " + name_of(*holder, false) : " by an unknown job", "; watching for up to ",
                     Lease::kUnchanged.count(), " s whether it still runs"));
    }
    const auto start = world_.now();
    while (world_.now() - start < Lease::kUnchanged) {
      if (!world_.wait(kPoll)) throw base::Stopped("stopped while waiting for " + path.string());
      const auto now = read_if_there(files_, path);
      if (!now) return false;
      if (*now != content) {
        if (path == lease_) refuse(parse(*now));
        return false;
      }
    }
    return true;
  }

  /// Replaces the lease if it still has the content that was judged. Returns false when the caller must look again.
  bool take_over(const std::string& judged) {
    if (!create(files_, takeover_, to_text(self_, 0))) {
      // Another process is taking over, or died while it did.
      const auto other = read_if_there(files_, takeover_);
      if (other && stays_unchanged(takeover_, *other, parse(*other))) remove_if_there(files_, takeover_);
      return false;
    }
    try {
      const bool same = read_if_there(files_, lease_) == judged;
      if (same) files_.replace(lease_, to_text(self_, 0));
      remove_if_there(files_, takeover_);
      return same;
    } catch (const base::IoError&) {
      try_to_remove(files_, takeover_);
      throw;
    }
  }

  base::FileSystem& files_;
  const Path& run_directory_;
  Path lease_;
  Path takeover_;
  const LeaseHolder& self_;
  const LeaseWorld& world_;
  const std::function<void(const std::string&)>& say_;
};

}  // namespace

Lease::Lease(base::FileSystem& files, Path path, LeaseHolder self, LeaseWorld world)
    : files_(&files),
      path_(std::move(path)),
      self_(std::move(self)),
      world_(std::move(world)),
      last_beat_(world_.now()) {}

Lease Lease::acquire(base::FileSystem& files, const Path& run_directory, LeaseHolder self, LeaseWorld world,
                     const std::function<void(const std::string&)>& say) {
  if (!parse(to_text(self, 0))) {
    throw base::InputError(base::str("job '", self.job, "' on host '", self.host,
                                     "': Trireme takes only letters, digits, '-', '_' and '.' in these names"));
  }
  try {
    Acquisition(files, run_directory, self, world, say).run();
  } catch (const base::IoError& error) {
    throw base::IoError(
        base::str("cannot take the lease of run directory ", run_directory.string(), ": ", error.what()), error.code());
  }
  return Lease(files, run_directory / "lease", std::move(self), std::move(world));
}

bool Lease::holds_lease() {
  try {
    const auto content = read_if_there(*files_, path_);
    const auto holder = content ? parse(*content) : std::nullopt;
    return holder && holder->token == self_.token;
  } catch (const base::InputError&) {  // something that is no lease was put in its place
    return false;
  }
}

bool Lease::heartbeat() {
  const auto now = world_.now();
  if (now - last_beat_ < kHeartbeat) return true;
  last_beat_ = now;
  try {
    if (!holds_lease()) return false;
    files_->replace(path_, to_text(self_, ++beats_));
  } catch (const base::IoError&) {
    return true;
  }
  return true;
}

void Lease::release() {
  if (holds_lease()) remove_if_there(*files_, path_);
}

}  // namespace trireme::checkpoint
