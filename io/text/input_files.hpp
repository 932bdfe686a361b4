// Finds the files behind the inputs of a command, and what their names say about them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::text {

/// What a name's ending says, in any case; an ending .gz or .zst behind it is ignored.
enum class NamedKind {
  kText,   ///< .txt, .text, .md
  kJsonl,  ///< .jsonl, .ndjson
  kJson,   ///< .json: JSONL if it holds one object per line
  kOther
};
NamedKind named_kind(std::string_view name);

/// Whether the name ends in .gz or .zst, in any case.
bool named_compressed(std::string_view name);

struct InputFiles {
  std::vector<std::string> paths;
  std::vector<std::string> notes;  ///< one line for each directory where something was left out
};

/// Finds the files behind the inputs, in order. A directory stands for every regular file below it whose name says text
/// or JSONL (.json: whose first line does), sorted by path, each once however many links lead to it. Links to
/// directories are followed, each directory once. Hidden files and directories (".…") are left out. Throws
/// base::InputError for a missing input, for a directory without any file to read, and when standard input is named
/// twice.
InputFiles expand_inputs(base::FileSystem& files, const std::vector<std::string>& inputs);

}  // namespace trireme::text
