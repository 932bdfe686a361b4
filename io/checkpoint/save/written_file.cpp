#include "io/checkpoint/save/written_file.hpp"

namespace trireme::checkpoint {

BodyWriter& WrittenFile::of(const std::filesystem::path& path) {
  file_of(path);
  return *body_;
}

base::File& WrittenFile::file_of(const std::filesystem::path& path) {
  if (path != path_) {
    finish();
    file_ = files_.open(path, base::OpenMode::kReadWrite);
    body_.emplace(files_, path, *file_);
    path_ = path;
  }
  return *file_;
}

void WrittenFile::finish() {
  if (!file_) return;
  body_->finish();
  body_.reset();
  file_->sync();
  file_->close();
  file_.reset();
  path_.clear();
}

}  // namespace trireme::checkpoint
