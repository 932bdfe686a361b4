// Numbers and tables as people read them.
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

/// "1,234,567".
std::string with_commas(std::uint64_t value);

/// How a table is laid out. Columns by index.
struct TableShape {
  std::vector<std::size_t> right = {};  ///< aligned to the right: numbers
  std::vector<std::size_t> spare = {};  ///< left out in a narrow window, in this order
};

/// Columns are as wide as their widest cell. A table wider than `width` cells is made to fit: the last column is
/// wrapped and texts are cut in their middles, then spare columns are left out (a line below names them), then texts
/// are cut to a few cells; a row of numbers alone may stay wider. No trailing spaces. UTF-8;
/// cells are escaped as base::printable() does.
std::string format_table(const std::vector<std::vector<std::string>>& rows, const TableShape& shape, std::size_t width);

/// The same for standard output: as wide as its terminal, or as wide as it is where there is none.
std::string format_table(const std::vector<std::vector<std::string>>& rows, const TableShape& shape = {});

}  // namespace trireme::launcher
