// Expands lists of node names in Slurm's notation: "n[01-03,7],gpu1".
#pragma once

#include <string>
#include <vector>

namespace trireme::slurm {

/// "n[01-03,7],m[0-1]r[0-1]" becomes n01 n02 n03 n7 m0r0 m0r1 m1r0 m1r1. A text that is not such a list stays as it is;
/// "" and "(null)" become an empty list. At most 1,000,000 names.
std::vector<std::string> expand_hostlist(const std::string& text);

/// The same in alphabetical order.
std::vector<std::string> sorted_hosts(const std::string& text);

/// Whether the lists have a node in common. Both must be sorted.
bool share_a_host(const std::vector<std::string>& a, const std::vector<std::string>& b);

}  // namespace trireme::slurm
