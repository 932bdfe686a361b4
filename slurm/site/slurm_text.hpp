// What Slurm's commands print, taken apart: "Key = value" lines, "Key=value" records, columns. "(null)" reads as "".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace trireme::slurm {

using Fields = std::map<std::string, std::string>;

/// Without spaces, tabs and line ends at both ends.
std::string trim(const std::string& text);

std::string lower(std::string text);

/// At every `separator`, each part trimmed; "" is no part at all. Empty parts stay.
std::vector<std::string> split(const std::string& text, char separator);

/// Of `scontrol show config`: one "Key = value" a line, the first one of a key counts; other lines are skipped.
Fields parse_config(const std::string& text);

/// Of `scontrol show partition`, in one line a record or in several: words "Key=value"; `first_key` begins a record.
std::vector<Fields> parse_records(const std::string& text, const std::string& first_key);

/// "" when there is no such key.
std::string field(const Fields& fields, const std::string& key);

/// "30", "30 sec", "4G", "8+" -> the whole number of at least 0 that it begins with, if any.
std::optional<std::int64_t> leading_number(const std::string& text);

}  // namespace trireme::slurm
