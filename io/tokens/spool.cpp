#include "io/tokens/spool.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

constexpr std::size_t kBuffer = std::size_t{4} << 20;

}  // namespace

Spool::Spool(base::FileSystem& files, const std::string& beside, std::size_t element_bytes, std::uint64_t start)
    : Spool(files, files.create_temporary(beside), element_bytes, start) {}

Spool::Spool(base::FileSystem& files, base::TemporaryFile temporary, std::size_t element_bytes, std::uint64_t start)
    : files_(&files),
      path_(temporary.path.string()),
      element_bytes_(element_bytes),
      start_(start),
      file_(std::move(temporary.file)) {}

Spool::~Spool() {
  if (!file_) return;
  try {
    files_->remove(path_);
  } catch (const std::exception&) {
    // Nothing can be done in a destructor; the file's name shows that it is temporary.
  }
}

void Spool::append(const void* elements, std::uint64_t count) {
  const auto* bytes = static_cast<const char*>(elements);
  buffer_.insert(buffer_.end(), bytes, bytes + count * element_bytes_);
  size_ += count;
  if (buffer_.size() >= kBuffer) flush();
}

void Spool::flush() {
  if (buffer_.empty()) return;
  file_->pwrite(buffer_.data(), buffer_.size(), start_ + flushed_ * element_bytes_);
  buffer_.clear();
  flushed_ = size_;
}

void Spool::read(std::uint64_t first, std::uint64_t count, void* elements) {
  flush();
  const std::uint64_t wanted = count * element_bytes_;
  if (file_->pread(elements, wanted, start_ + first * element_bytes_) != wanted) {
    throw base::Error(path_ + " became shorter while it was written: run the command again");
  }
}

void Spool::shrink(std::uint64_t count) {
  flush();
  size_ = flushed_ = count;
  file_->truncate(start_ + bytes());
}

void Spool::copy_to(Spool& to, std::uint64_t first, std::uint64_t count) {
  std::vector<char> part(std::min<std::uint64_t>(count, kBuffer) * element_bytes_);
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t step = std::min<std::uint64_t>(count - done, kBuffer);
    read(first + done, step, part.data());
    to.append(part.data(), step);
    done += step;
  }
}

void Spool::move_down(std::uint64_t from, std::uint64_t count, std::uint64_t to) {
  if (from == to) return;
  std::vector<char> part(std::min<std::uint64_t>(count, kBuffer) * element_bytes_);
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t step = std::min<std::uint64_t>(count - done, kBuffer);
    read(from + done, step, part.data());
    file_->pwrite(part.data(), step * element_bytes_, start_ + (to + done) * element_bytes_);
    done += step;
  }
}

void Spool::copy_to(base::File& file, std::uint64_t offset) {
  std::vector<char> part(std::min<std::uint64_t>(size_, kBuffer) * element_bytes_);
  for (std::uint64_t done = 0; done < size_;) {
    const std::uint64_t step = std::min<std::uint64_t>(size_ - done, kBuffer);
    read(done, step, part.data());
    file.pwrite(part.data(), step * element_bytes_, offset + done * element_bytes_);
    done += step;
  }
}

void Spool::finish(const std::string& final_path) {
  flush();
  file_->sync();
  file_->close();
  files_->rename(path_, final_path);
  file_.reset();
  const auto directory = base::FileSystem::Path(final_path).parent_path();
  files_->sync_directory(directory.empty() ? base::FileSystem::Path(".") : directory);
}

}  // namespace trireme::tokens
