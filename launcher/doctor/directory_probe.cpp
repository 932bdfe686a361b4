#include "launcher/doctor/directory_probe.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "base/file_system_name.hpp"
#include "collectives/ops/text.hpp"
#include "launcher/doctor/gather.hpp"

namespace trireme::doctor {
namespace {

using base::str;
using Clock = std::chrono::steady_clock;
using Path = std::filesystem::path;

constexpr const char* kPrefix = ".doctor.";
constexpr std::int64_t kLeftoverSeconds = 3600;

Clock::time_point after(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

/// Whether `path` holds `content` now, or does so before `deadline`.
bool wait_for(base::FileSystem& files, const Path& path, const std::string& content, Clock::time_point deadline) {
  while (true) {
    try {
      if (files.read_all(path) == content) return true;
    } catch (const base::IoError&) {
      // The file is not there, or not yet.
    }
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::string content_of(const std::string& prefix, int owner) { return str(prefix, " rank ", owner, "\n"); }

base::Json to_json(const DirectoryView& view) {
  return {{"sees", view.sees}, {"writes", view.writes}, {"file_system", view.file_system}, {"error", view.error}};
}

DirectoryView view_from(const base::Json& json) {
  DirectoryView view;
  view.sees = json.at("sees");
  view.writes = json.at("writes");
  view.file_system = json.at("file_system");
  view.error = json.at("error");
  return view;
}

}  // namespace

std::string probe_prefix(std::int64_t seconds, std::int64_t process) {
  return str(kPrefix, seconds, "-", process, ".");
}

bool is_leftover(const std::string& name, std::int64_t now) {
  const std::string prefix = kPrefix;
  if (name.rfind(prefix, 0) != 0) return false;
  char* end = nullptr;
  const std::int64_t made = std::strtoll(name.c_str() + prefix.size(), &end, 10);
  return *end == '-' && made > 0 && now - made >= kLeftoverSeconds;
}

DirectoryProbe::DirectoryProbe(collectives::Communicator& control, base::FileSystem& files, const Path& directory)
    : control_(control), files_(files), directory_((directory / "").parent_path()) {  // no slash at the end
  std::string refusal;
  if (control.rank() == 0) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    prefix_ = probe_prefix(std::chrono::duration_cast<std::chrono::seconds>(now).count(), getpid());
    try {
      prepare();
    } catch (const base::InputError& error) {
      refusal = error.what();
    } catch (const base::Error& error) {
      cannot_make_ = error.what();
    }
  }
  prefix_ = collectives::share_text(control, prefix_);
  refusal = collectives::share_text(control, refusal);
  if (!refusal.empty()) throw base::InputError(refusal);
}

DirectoryProbe::~DirectoryProbe() { remove_own(); }

void DirectoryProbe::prepare() {
  was_there_ = files_.is_directory(directory_);
  if (!was_there_) {
    for (Path at = directory_; !at.empty() && !files_.is_directory(at); at = at.parent_path()) {
      if (files_.exists(at))
        throw base::InputError(str(at.string(), " is no directory, so ", directory_.string(),
                                   " cannot be the run directory; choose another (run.dir)"));
      made_.insert(made_.begin(), at);
      if (at == at.parent_path()) break;
    }
    for (std::size_t i = 0; i < made_.size(); ++i) {
      try {
        files_.create_directory(made_[i]);
      } catch (const base::IoError&) {
        made_.resize(i);
        throw;
      }
    }
  }
  const std::int64_t now = std::strtoll(prefix_.c_str() + std::string(kPrefix).size(), nullptr, 10);
  for (const std::string& name : files_.list(directory_)) {
    if (!is_leftover(name, now)) continue;
    try {
      files_.remove(directory_ / name);
    } catch (const base::IoError&) {
      // It belongs to another user, or is gone by now.
    }
  }
}

Path DirectoryProbe::small_file(int owner) const { return directory_ / str(prefix_, owner); }
Path DirectoryProbe::data_file(int owner) const { return directory_ / str(prefix_, owner, ".data"); }

DirectoryView DirectoryProbe::own_view(double patience) {
  const int rank = control_.rank();
  DirectoryView view;
  view.file_system = base::file_system_of(directory_);
  view.error = cannot_make_;
  if (view.error.empty()) {
    try {
      const std::string content = content_of(prefix_, rank);
      const auto file = files_.open(small_file(rank), base::OpenMode::kCreateExclusive);
      file->pwrite(content.data(), content.size(), 0);
      file->sync();
      file->close();
      view.writes = writes_ = true;
    } catch (const base::Error& error) {
      view.error = error.what();
    }
  }
  if (rank != 0) view.sees = wait_for(files_, small_file(0), content_of(prefix_, 0), after(patience));
  return view;
}

std::vector<DirectoryView> DirectoryProbe::look(double patience) {
  // Rank 0 goes first, since the others look for its file.
  DirectoryView own;
  if (control_.rank() == 0) own = own_view(patience);
  std::int64_t writes = own.writes ? 1 : 0;
  control_.broadcast(&writes, 1, collectives::DataType::kInt64, 0);
  if (control_.rank() != 0) own = own_view(writes != 0 ? patience : 0);
  const auto texts = gather_texts(control_, base::to_line(to_json(own)));
  std::vector<DirectoryView> views;
  const auto deadline = after(patience);
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    views.push_back(view_from(base::Json::parse(texts[rank])));
    DirectoryView& view = views.back();
    const int owner = static_cast<int>(rank);
    // A rank that does not see rank 0's file has already waited, and writes somewhere else.
    const auto until = view.sees || rank == 0 ? deadline : Clock::now();
    if (view.writes) view.seen = wait_for(files_, small_file(owner), content_of(prefix_, owner), until);
    if (rank == 0) view.sees = view.seen;
  }
  control_.barrier();  // no rank removes its file before rank 0 has looked
  return views;
}

void DirectoryProbe::remove_own() const noexcept {
  for (const Path& file : {data_file(control_.rank()), small_file(control_.rank())}) {
    try {
      files_.remove(file);
    } catch (const std::exception&) {
      // It was never made, or is removed already.
    }
  }
}

void DirectoryProbe::close() {
  remove_own();
  control_.barrier();
  try {
    for (auto made = made_.rbegin(); made != made_.rend(); ++made) files_.remove(*made);
  } catch (const base::IoError&) {
    // Somebody else has put something there, so it stays.
  }
  made_.clear();
}

}  // namespace trireme::doctor
