#include "launcher/commands/reading_options.hpp"

#include "base/log.hpp"

namespace trireme::launcher {

void ReadingOptions::declare(options::CommandLine& line) {
  line.value("format", format, "FORMAT",
             "what the inputs hold; auto = by the name's ending, and where that says nothing JSONL when the first line "
             "is a JSON object, else plain text")
      .one_of({"auto", "text", "jsonl"});
  line.value("field", field, "NAME", "JSONL: the member that holds the text");
  line.value("max-expansion", max_expansion, "N",
             "how many times its size a compressed input may grow (after 64 MiB) before it is taken for a "
             "decompression bomb")
      .range(1, 1e9);
  line.value("max-document", max_document_mib, "MIB",
             "largest JSONL line, or text without a place to cut it, that is held in memory")
      .range(1, 1 << 20);
  line.flag("any-content", any_content, "read also what looks like a binary file");
}

text::DocumentReaderOptions ReadingOptions::reader() const {
  text::DocumentReaderOptions reading;
  reading.format = format == "text"    ? text::InputFormat::kText
                   : format == "jsonl" ? text::InputFormat::kJsonl
                                       : text::InputFormat::kAuto;
  reading.field = field;
  reading.expansion.ratio = max_expansion;
  reading.largest_document = static_cast<std::size_t>(max_document_mib) << 20;
  reading.check = any_content ? text::ContentCheck::kNone : text::ContentCheck::kLikely;
  return reading;
}

void print_notes(const text::DocumentReader& reader) {
  for (const std::string& note : reader.notes()) base::print_note("note: " + note);
}

}  // namespace trireme::launcher
