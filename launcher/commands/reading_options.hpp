// The options of commands that read text: how inputs are taken, and how far they are trusted.
#pragma once

#include <cstdint>
#include <string>

#include "io/text/document_reader.hpp"
#include "launcher/options/command_line.hpp"

namespace trireme::launcher {

struct ReadingOptions {
  std::string format = "auto";
  std::string field = "text";
  double max_expansion = text::ExpansionLimit{}.ratio;
  std::int64_t max_document_mib = 1024;
  bool any_content = false;

  /// Declares them; this object must outlive line.parse().
  void declare(options::CommandLine& line);
  /// What they mean for a reader; the rest has its defaults.
  text::DocumentReaderOptions reader() const;
};

/// Prints what a reader left out of directories, a line each, to standard error.
void print_notes(const text::DocumentReader& reader);

}  // namespace trireme::launcher
