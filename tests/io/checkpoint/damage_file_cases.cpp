#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "tests/io/checkpoint/damage_cases.hpp"

namespace trireme::checkpoint::tests {
namespace {

using Path = std::filesystem::path;
namespace fs = std::filesystem;

/// "manifest", "BOXES.bin" or "shard".
std::string object_of(const std::string& file) {
  if (file == kManifestName) return "manifest";
  return file == kBoxesName ? file : "shard";
}

void put_file(const Path& path, const std::string& content) {
  base::PosixFileSystem().open(path, base::OpenMode::kCreate)->pwrite(content.data(), content.size(), 0);
}

void exchange(const Path& a, const Path& b, const Path& through) {
  fs::rename(a, through);
  fs::rename(b, a);
  fs::rename(through, b);
}

class FileCases {
 public:
  explicit FileCases(const DamageRun& run) : run_(run) {}

  std::vector<DamageCase> make() {
    for (const auto& [name, bytes] : run_.files()) {
      lengths(name, bytes.size());
      kinds(name);
      links(name);
      others(name);
    }
    folders();
    extras();
    return std::move(cases_);
  }

 private:
  void add(const std::string& object, const std::string& damage, const std::string& where,
           std::function<void()> apply) {
    cases_.push_back({object, damage, where, "", std::move(apply)});
  }

  void lengths(const std::string& name, std::uint64_t length) {
    const Path path = run_.newest() / name;
    const std::string object = object_of(name);
    for (const std::uint64_t cut : {std::uint64_t{1}, length / 3, length / 2, length}) {
      add(object, "truncation", base::str(name, " by ", cut), [=] { fs::resize_file(path, length - cut); });
    }
    for (const std::uint64_t more : {1, 4096, 1 << 20, 1 << 30}) {  // with a hole
      add(object, "extension", base::str(name, " by ", more), [=] { fs::resize_file(path, length + more); });
    }
    for (const std::uint64_t kept : {std::uint64_t{0}, length / 2}) {
      add(object, "sparse file of the same size", base::str(name, " from ", kept), [=] {
        fs::resize_file(path, kept);
        fs::resize_file(path, length);
      });
    }
  }

  void kinds(const std::string& name) {
    const DamageRun& run = run_;
    const Path path = run.newest() / name;
    const std::string object = object_of(name);
    add(object, "missing", name, [=] { fs::remove(path); });
    add(object, "directory instead of file", name, [=] {
      fs::remove(path);
      fs::create_directory(path);
    });
    add(object, "directory instead of file", name + ", the file in it", [=, &run] {
      fs::rename(path, run.outside() / "kept");
      fs::create_directory(path);
      fs::rename(run.outside() / "kept", path / path.filename());
    });
  }

  void links(const std::string& name) {
    const Path path = run_.newest() / name;
    const auto link = [&](const std::string& to_what, const Path& target) {
      add(object_of(name), "symbolic link", name + " to " + to_what, [=] {
        fs::remove(path);
        fs::create_symlink(target, path);
      });
    };
    link("nothing", run_.outside() / "nothing");
    link("itself", path);
    link("a directory", run_.outside());
    link("/dev/null", "/dev/null");
    link("/dev/zero", "/dev/zero");
    link("the older step's", run_.older() / name);
    link("another run's", run_.of_another_run() / name);
    link("the same bytes", run_.good() / name);
  }

  void others(const std::string& name) {
    const DamageRun& run = run_;
    const Path path = run.newest() / name;
    for (const auto& [other, bytes] : run_.files()) {
      if (other == name) continue;
      add(object_of(name), "another file of the checkpoint", name + " is " + other,
          [=, &run] { fs::copy_file(run.good() / other, path, fs::copy_options::overwrite_existing); });
      if (other < name) continue;
      add(object_of(name), "swapped", name + " and " + other,
          [=, &run] { exchange(path, run.newest() / other, run.outside() / "x"); });
    }
    add(object_of(name), "of another step", name,
        [=, &run] { fs::copy_file(run.older() / name, path, fs::copy_options::overwrite_existing); });
    add(object_of(name), "of another run", name,
        [=, &run] { fs::copy_file(run.of_another_run() / name, path, fs::copy_options::overwrite_existing); });
  }

  void folders() {
    const DamageRun& run = run_;
    const Path step = run.newest();
    for (const std::string node : {"node_0", "node_1"}) {
      const Path path = step / node;
      add("node directory", "missing", node, [=] { fs::remove_all(path); });
      add("node directory", "file instead of directory", node, [=] {
        fs::remove_all(path);
        put_file(path, "x");
      });
      add("node directory", "empty", node, [=] {
        fs::remove_all(path);
        fs::create_directory(path);
      });
      for (const Path& other : {run.older(), run.of_another_run(), run.good()}) {
        add("node directory", "symbolic link", node + " to that of " + other.string(), [=] {
          fs::remove_all(path);
          fs::create_directory_symlink(other / node, path);
        });
      }
    }
    add("node directory", "swapped", "node_0 and node_1",
        [=, &run] { exchange(step / "node_0", step / "node_1", run.outside() / "x"); });
    step_directories();
  }

  void step_directories() {
    const DamageRun& run = run_;
    const Path step = run.newest();
    const std::string object = "step directory";
    add(object, "empty", "", [=] {
      fs::remove_all(step);
      fs::create_directory(step);
    });
    add(object, "file instead of directory", "", [=] {
      fs::remove_all(step);
      put_file(step, "x");
    });
    add(object, "symbolic link", "to the older step", [=, &run] {
      fs::remove_all(step);
      fs::create_directory_symlink(run.older(), step);
    });
    add(object, "of another step", "all of it", [=, &run] {
      fs::remove_all(step);
      fs::copy(run.older(), step, fs::copy_options::recursive);
    });
    add(object, "of another run", "manifest and box table", [=, &run] {
      for (const char* name : {kManifestName, kBoxesName}) {
        fs::copy_file(run.of_another_run() / name, step / name, fs::copy_options::overwrite_existing);
      }
    });
    for (const Path& other : {run.older(), run.of_another_run()}) {
      add(object, other == run.older() ? "of another step" : "of another run", "all shards", [=, &run] {
        for (const auto& shard : run.opened().manifest.files) {
          fs::copy_file(other / shard.name, step / shard.name, fs::copy_options::overwrite_existing);
        }
      });
    }
  }

  void extras() {
    const Path step = run_.newest();
    for (const char* name :
         {"notes.txt", ".hidden", "MANIFEST.json.bak", "node_0/shard_9.h5", "node_1/core", "node_7"}) {
      add("step directory", "extra file", name, [=] { put_file(step / name, "x"); });
    }
    for (const char* name : {"node_2", "node_0/more"}) {
      add("step directory", "extra directory", name, [=] { fs::create_directory(step / name); });
    }
  }

  const DamageRun& run_;
  std::vector<DamageCase> cases_;
};

}  // namespace

std::vector<DamageCase> file_damages(const DamageRun& run) { return FileCases(run).make(); }

}  // namespace trireme::checkpoint::tests
