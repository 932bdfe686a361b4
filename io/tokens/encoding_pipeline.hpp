// Encodes documents to token ids on all cores, in the order of the documents.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "io/text/document_reader.hpp"
#include "io/text/tokenizer.hpp"

namespace trireme::tokens {

/// The ids of a document or of a part of one.
struct EncodedPiece {
  std::vector<std::uint32_t> prompt;
  std::vector<std::uint32_t> text;
  bool begins = true;
  bool ends = true;
  std::uint64_t hash = 0;           ///< XXH3-64 of prompt and text, at most their first 64 KiB each
  std::vector<std::uint8_t> roles;  ///< of a conversation: the tokens::Role of each id of `text`
};

/// The result of some consecutive documents, and how far reading was at their end.
struct EncodedBlock {
  std::vector<EncodedPiece> pieces;
  text::DocumentCounts counts;  ///< counts of these documents alone
  std::uint64_t consumed = 0;   ///< bytes of the input files that were read up to here
};

/// One thread reads, `threads` threads parse and encode, and the caller takes the results. At most 2 * threads + 2
/// blocks of about a megabyte (or one document) wait at any time, so memory stays bounded whatever the input.
class EncodingPipeline {
 public:
  /// Appends the ids of a text; the later pieces of a document are continuations. Several threads call it at once.
  using Encode = std::function<void(std::string_view text, text::TextPlace place, std::vector<std::uint32_t>& ids)>;

  /// Turns what was read of a document into ids: appends a piece to the block, or none for a document without text, and
  /// adds to its counts. Several threads call it at once.
  using Convert = std::function<void(text::RawPiece& raw, EncodedBlock& block)>;

  /// `reader` must outlive this object, and nobody else may use it until then.
  EncodingPipeline(text::DocumentReader& reader, Encode encode, unsigned threads);
  EncodingPipeline(text::DocumentReader& reader, Convert convert, unsigned threads);
  EncodingPipeline(const EncodingPipeline&) = delete;
  EncodingPipeline& operator=(const EncodingPipeline&) = delete;
  /// Stops the threads after their present piece of work.
  ~EncodingPipeline();

  /// Returns the next block in input order; false at the end. Throws what reading or encoding threw.
  bool next(EncodedBlock& block);

 private:
  struct Job;
  void read();
  void work();
  std::shared_ptr<Job> read_job();

  text::DocumentReader& reader_;
  const Convert convert_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> order_;  // not yet taken, in input order
  std::deque<std::shared_ptr<Job>> todo_;   // not yet begun
  bool read_all_ = false;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace trireme::tokens
