// The keys of [group.NAME]: sections with names that the run file gives, so their keys are made for each name.
#pragma once

#include <string>
#include <vector>

#include "launcher/options/key_table.hpp"

namespace trireme::options {

/// "group.": what the path of such a key begins with, group.NAME.key.
inline constexpr const char* kGroupPrefix = "group.";

/// The keys of the section [group.`name`], in their order. A value that is set makes the group if it is not there yet,
/// as the last one of RunOptions::groups.
std::vector<Key> group_keys(const std::string& name);

/// The key of such a path. Throws base::InputError for a name that is not made of letters, digits, - and _, and for an
/// unknown key, naming the nearest.
Key find_group_key(const std::string& path);

/// Whether the options have the group of a key's section; true for the key of another section.
bool has_group(const RunOptions& options, const Key& key);

/// All keys that count for these options: those of the table, and those of each group.
std::vector<Key> keys_of(const RunOptions& options);

}  // namespace trireme::options
