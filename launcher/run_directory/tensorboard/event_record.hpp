// The records of TensorBoard's event files: TensorFlow's TFRecord format (tensorflow/core/lib/io/record_writer.h) of
// Event messages (tensorflow/core/util/event.proto).
//
//   8 bytes  length of the event
//   4 bytes  masked CRC32C of these 8 bytes
//            the event
//   4 bytes  masked CRC32C of the event
//
// All numbers are little-endian. A CRC is masked by turning it right by 15 bits and adding 0xa282ead8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// The event as a record.
std::string event_record(std::string_view event);

/// A whole record of a file.
struct EventRecord {
  std::string event;
  std::uint64_t begin = 0, end = 0;  ///< its bytes in the file
  std::int64_t step = 0;
  bool summary = false;  ///< it has values, which the file's first event and starts of sessions have not
};

/// Reads a file from its start and holds one record and a block in memory. The file must outlive it.
class EventReader {
 public:
  explicit EventReader(base::File& file) : file_(file) {}
  /// False at the end of the file, and where what follows is no whole record that its checksums fit.
  bool next(EventRecord& record);

 private:
  bool fill(std::size_t bytes);

  base::File& file_;
  std::string buffer_;
  std::size_t taken_ = 0;     // bytes of the buffer that were returned
  std::uint64_t offset_ = 0;  // in the file, of the buffer
};

}  // namespace trireme::launcher
