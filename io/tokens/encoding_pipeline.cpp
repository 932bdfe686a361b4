#include "io/tokens/encoding_pipeline.hpp"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kHashedBytes = std::size_t{64} << 10;

std::uint64_t hash_of(const text::DocumentPiece& piece) {
  const std::uint64_t prompt = XXH3_64bits(piece.prompt.data(), std::min(piece.prompt.size(), kHashedBytes));
  return XXH3_64bits_withSeed(piece.text.data(), std::min(piece.text.size(), kHashedBytes), prompt);
}

EncodingPipeline::Convert text_encoder(const text::DocumentReader& reader, EncodingPipeline::Encode encode) {
  return [&reader, encode = std::move(encode)](text::RawPiece& raw, EncodedBlock& block) {
    text::DocumentPiece document;
    if (!reader.resolve(raw, document, block.counts)) return;
    EncodedPiece piece;
    piece.begins = document.begins;
    piece.ends = document.ends;
    piece.hash = hash_of(document);
    try {
      if (!document.prompt.empty()) encode(document.prompt, text::TextPlace::kBeginning, piece.prompt);
      const auto place = document.begins ? text::TextPlace::kBeginning : text::TextPlace::kContinuation;
      encode(document.text, place, piece.text);
    } catch (const base::InputError& error) {
      throw base::InputError(base::str(raw.place, ": ", error.what()));
    }
    block.pieces.push_back(std::move(piece));
  };
}

}  // namespace

struct EncodingPipeline::Job {
  std::vector<text::RawPiece> raw;
  EncodedBlock result;
  bool done = false;
  std::exception_ptr failure;
};

EncodingPipeline::EncodingPipeline(text::DocumentReader& reader, Encode encode, unsigned threads)
    : EncodingPipeline(reader, text_encoder(reader, std::move(encode)), threads) {}

EncodingPipeline::EncodingPipeline(text::DocumentReader& reader, Convert convert, unsigned threads)
    : reader_(reader), convert_(std::move(convert)), limit_(2 * std::size_t{threads} + 2) {
  threads_.emplace_back([this] { read(); });
  for (unsigned i = 0; i < std::max(1U, threads); ++i) threads_.emplace_back([this] { work(); });
}

EncodingPipeline::~EncodingPipeline() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool EncodingPipeline::next(EncodedBlock& block) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return order_.empty() ? read_all_ : order_.front()->done; });
  if (order_.empty()) return false;
  const std::shared_ptr<Job> job = order_.front();
  if (job->failure) std::rethrow_exception(job->failure);
  order_.pop_front();
  lock.unlock();
  changed_.notify_all();
  block = std::move(job->result);
  return true;
}

std::shared_ptr<EncodingPipeline::Job> EncodingPipeline::read_job() {
  auto job = std::make_shared<Job>();
  try {
    std::size_t bytes = 0;
    text::RawPiece raw;
    while (bytes < kBlockBytes && reader_.next_raw(raw)) {
      bytes += raw.bytes.size() + sizeof raw;
      job->raw.push_back(std::move(raw));
    }
  } catch (...) {
    job->failure = std::current_exception();
    job->done = true;
  }
  job->result.consumed = reader_.consumed();
  return job;
}

void EncodingPipeline::read() {
  for (bool more = true; more;) {
    auto job = read_job();
    more = !job->raw.empty() && !job->failure;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stop_ || order_.size() < limit_; });
    if (stop_) return;
    // The last job is queued even without a document, since it tells how far reading came.
    order_.push_back(job);
    if (!job->done) todo_.push_back(job);
    read_all_ = !more;
    lock.unlock();
    changed_.notify_all();
  }
}

void EncodingPipeline::work() {
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || !todo_.empty() || read_all_; });
      if (stop_ || todo_.empty()) return;
      job = std::move(todo_.front());
      todo_.pop_front();
    }
    std::exception_ptr failure;
    try {
      for (text::RawPiece& raw : job->raw) convert_(raw, job->result);
      job->raw.clear();
    } catch (...) {
      failure = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      job->failure = failure;
      job->done = true;
    }
    changed_.notify_all();
  }
}

}  // namespace trireme::tokens
