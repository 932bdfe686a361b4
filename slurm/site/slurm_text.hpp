// Takes apart what Slurm's commands print: "Key = value" lines, "Key=value" records, columns. "(null)" reads as "".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/words.hpp"

namespace trireme::slurm {

using Fields = std::map<std::string, std::string>;

std::string lower(std::string text);

using base::split;

/// Parses `scontrol show config`: one "Key = value" per line. The first line of a key counts; other lines are skipped.
Fields parse_config(const std::string& text);

/// Parses `scontrol show partition`, which has one or several lines per record: words "Key=value", and `first_key`
/// begins a record.
std::vector<Fields> parse_records(const std::string& text, const std::string& first_key);

/// The value of `key`; "" when there is no such key.
std::string field(const Fields& fields, const std::string& key);

/// The whole number of at least 0 at the beginning of a text such as "30", "30 sec", "4G" or "8+", if there is one.
std::optional<std::int64_t> leading_number(const std::string& text);

}  // namespace trireme::slurm
