// Events of TensorBoard, as messages: what a line of metrics.jsonl becomes, and what surrounds them. Pure. The messages
// are Event and SessionLog (tensorflow/core/util/event.proto), Summary (tensorflow/core/framework/summary.proto) and
// TensorProto (tensorflow/core/framework/tensor.proto):
//
//   Event       1 wall_time (double), 2 step, one of 3 file_version, 5 summary, 7 session_log
//   SessionLog  1 status: 1 = START
//   Summary     1 value, repeated: 1 tag, 2 simple_value (float) or 8 tensor, 9 metadata
//   metadata    1 plugin_data {1 plugin_name, 2 content}, 4 data_class: 2 = tensor
//   TensorProto 1 dtype: 1 = float, 7 = string; 2 tensor_shape {2 dim, repeated {1 size}}; 8 string_val, repeated
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "launcher/run_directory/tensorboard/proto_writer.hpp"

namespace trireme::launcher {

/// "train/loss" for "loss", "valid/loss" for "valid_loss", "time/data_wait" for "data_wait_seconds": docs/metrics.md
/// has the table.
std::string tensorboard_tag(std::string_view field);

/// The event of a line of metrics.jsonl; "" for a line that has nothing to show. Numbers are scalars, rounded to float;
/// null and what else is no finite number is NaN. A sample is a text below "samples/".
std::string metrics_event(const base::Json& line);

/// The first event of a file.
std::string file_version_event(double time);
/// Says that steps from `step` on come anew: readers forget those that they have seen.
std::string start_event(double time, std::int64_t step);
/// An event with one value that holds the data of a plugin, and an empty tensor.
std::string plugin_event(double time, std::string_view tag, std::string_view plugin, const ProtoWriter& content);

/// The text as UTF-8, with U+FFFD for what is none: protobuf refuses a message with another string.
std::string valid_utf8(std::string_view text);

}  // namespace trireme::launcher
