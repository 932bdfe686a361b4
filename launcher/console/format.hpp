// Formats numbers and tables for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace trireme::launcher {

/// "850 ms", "12.3 s", "3m 12s", "2h 05m", "1d 04h".
std::string format_duration(double seconds);

/// "950", "12.3k", "4.56M", "7.89G".
std::string format_count(double count);

/// "512 B", "1.50 MB", "27.3 GB": three significant digits, powers of 1000.
std::string format_bytes(double bytes);

/// "12.50 GPU h", without GPUs "0.25 CPU h": hours x devices (the ranks), used or lost.
std::string format_device_hours(double hours, bool gpus);

/// `seconds` since the epoch in this machine's time zone: "2026-11-30 06:04:38", and the same without its seconds.
std::string format_local_time(double seconds);
std::string format_local_minute(double seconds);

/// "1,234,567".
std::string with_commas(std::uint64_t value);

/// How a table is laid out; columns are given by index.
struct TableShape {
  std::vector<std::size_t> right = {};  ///< right-aligned columns, for numbers
  std::vector<std::size_t> spare = {};  ///< columns left out in a narrow window, in this order
};

/// Columns are as wide as their widest cell. A table that is wider than `width` cells is made to fit in three steps:
/// the last column is wrapped and texts are shortened in their middles; spare columns are left out, and a line below
/// names them; texts are shortened to a few cells. A row of numbers alone may stay wider. No trailing spaces. UTF-8;
/// cells are escaped as base::printable() does.
std::string format_table(const std::vector<std::vector<std::string>>& rows, const TableShape& shape, std::size_t width);

/// The same for standard output: fits its terminal, or has its natural width where there is none.
std::string format_table(const std::vector<std::vector<std::string>>& rows, const TableShape& shape = {});

}  // namespace trireme::launcher
