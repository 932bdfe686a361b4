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

/// "1,234,567".
std::string with_commas(std::uint64_t value);

/// Columns are as wide as their widest cell; those named in `right` (by index) are aligned to the right. No trailing
/// spaces. UTF-8; cells are escaped as base::printable() does.
std::string format_table(std::vector<std::vector<std::string>> rows, const std::vector<std::size_t>& right = {});

}  // namespace trireme::launcher
