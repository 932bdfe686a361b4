#include "launcher/run_directory/tensorboard/event.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/checksum.hpp"
#include "base/error.hpp"

namespace trireme::launcher {
namespace {

constexpr const char* kPrompt = "sample_prompt";
constexpr const char* kSample = "sample_text";

ProtoWriter event_at(double time, std::int64_t step) {
  ProtoWriter event;
  event.real(1, time);
  event.number(2, static_cast<std::uint64_t>(step));
  return event;
}

ProtoWriter plugin_metadata(std::string_view plugin, std::string_view content) {
  ProtoWriter data, metadata;
  data.bytes(1, plugin);
  if (!content.empty()) data.bytes(2, content);
  metadata.message(1, data);
  metadata.number(4, 2);
  return metadata;
}

// Summary.Value with a tensor of one dimension.
ProtoWriter tensor_value(std::string_view tag, const ProtoWriter& metadata, std::uint64_t type, std::uint64_t size,
                         std::string_view text) {
  ProtoWriter dimension, shape, tensor, value;
  dimension.number(1, size);
  shape.message(2, dimension);
  tensor.number(1, type);
  tensor.message(2, shape);
  if (size > 0) tensor.bytes(8, text);
  value.bytes(1, tag);
  value.message(8, tensor);
  value.message(9, metadata);
  return value;
}

// TensorBoard takes texts for Markdown: each line as code, or a model's "# " would be a heading.
std::string as_code(const std::string& text) {
  std::string code = "    ";
  for (const char c : text) {
    code += c;
    if (c == '\n') code += "    ";
  }
  return code;
}

// Prompts may be long; those that begin alike must not share a tag.
std::string sample_tag(const std::string& prompt) {
  constexpr std::size_t kLongest = 60;
  if (prompt.size() <= kLongest) return "samples/" + prompt;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(prompt[end]) & 0xc0) == 0x80) --end;
  return base::str("samples/", prompt.substr(0, end), "… ", base::xxh3_hex(prompt).substr(0, 8));
}

void add_scalar(ProtoWriter& summary, std::string_view field, const base::Json& number) {
  double real = number.is_number() ? number.get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!std::isfinite(real)) real = std::numeric_limits<double>::quiet_NaN();  // as metrics.jsonl has it
  ProtoWriter value;
  value.bytes(1, tensorboard_tag(field));
  value.real(2, static_cast<float>(real));
  summary.message(1, value);
}

void add_sample(ProtoWriter& summary, const base::Json& line) {
  const std::string prompt = valid_utf8(line.at(kPrompt).get<std::string>());
  const std::string text = prompt + valid_utf8(line.at(kSample).get<std::string>());
  summary.message(1, tensor_value(sample_tag(prompt), plugin_metadata("text", ""), 7, 1, as_code(text)));
}

bool is_string(const base::Json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_string();
}

}  // namespace

std::string tensorboard_tag(std::string_view field) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kTags = {{
      {"valid_loss", "valid/loss"},
      {"valid_tokens", "valid/tokens"},
      {"tokens", "progress/tokens"},
      {"samples", "progress/samples"},
      {"seconds", "time/step"},
      {"tokens_per_second", "time/tokens_per_second"},
      {"peak_share", "time/peak_share"},
      {"data_wait_seconds", "time/data_wait"},
      {"compute_seconds", "time/compute"},
      {"exposed_communication_seconds", "time/exposed_communication"},
      {"saving_seconds", "time/saving"},
      {"slowest_rank", "time/slowest_rank"},
      {"slowest_rank_compute_seconds", "time/slowest_rank_compute"},
      {"host_memory_bytes", "memory/host"},
      {"device_memory_bytes", "memory/device"},
  }};
  for (const auto& [name, tag] : kTags) {
    if (field == name) return std::string(tag);
  }
  return "train/" + valid_utf8(field);
}

std::string metrics_event(const base::Json& line) {
  const auto step = line.find("step");
  if (step == line.end() || !step->is_number_integer()) return "";
  const auto time = line.find("time");
  ProtoWriter summary;
  if (is_string(line, kPrompt) && is_string(line, kSample)) add_sample(summary, line);
  for (const auto& [name, value] : line.items()) {
    if (name != "step" && name != "time" && (value.is_number() || value.is_null())) add_scalar(summary, name, value);
  }
  if (summary.text().empty()) return "";
  ProtoWriter event =
      event_at(time != line.end() && time->is_number() ? time->get<double>() : 0.0, step->get<std::int64_t>());
  event.message(5, summary);
  return event.text();
}

std::string file_version_event(double time) {
  ProtoWriter event;
  event.real(1, time);
  event.bytes(3, "brain.Event:2");
  return event.text();
}

std::string start_event(double time, std::int64_t step) {
  ProtoWriter log, event = event_at(time, step);
  log.number(1, 1);
  event.message(7, log);
  return event.text();
}

std::string plugin_event(double time, std::string_view tag, std::string_view plugin, const ProtoWriter& content) {
  ProtoWriter summary, event = event_at(time, 0);
  summary.message(1, tensor_value(tag, plugin_metadata(plugin, content.text()), 1, 0, ""));
  event.message(5, summary);
  return event.text();
}

std::string valid_utf8(std::string_view text) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return std::string(text);
  const std::string quoted = base::Json(text).dump(-1, ' ', false, base::Json::error_handler_t::replace);
  return base::Json::parse(quoted).get<std::string>();
}

}  // namespace trireme::launcher
