#include "launcher/options/options_page.hpp"

#include <algorithm>
#include <iterator>

#include "launcher/options/family_tables.hpp"
#include "launcher/options/group_keys.hpp"
#include "launcher/options/key_table.hpp"

namespace trireme::options {
namespace {

constexpr const char* kIntroduction = R"(# Options

<!-- Generated from the table of keys (launcher/options/keys.cpp, models/spec/properties.hpp) and the families
     (models/spec/families): edit those, then `build/tests/options_page > docs/options.md`. A test compares. -->

A run is described by a run file: an INI file with sections in brackets, `key = value` lines and comments. A `#` begins a
comment at a line's start and after white space; inside quotes and words (`name = lr#1`) it is text. A value that begins or
ends with a blank or holds ` #` stands in double quotes, where `\"` and `\\` mean `"` and `\`; so does a name in a list
that holds a comma or ends with a number: `train = "a,b.h5" 0.5, c.h5 0.5`.
Every key may also be given on the command line as `--section.key=value` or `--section.key value`; the command line
wins. An unknown section or key, a key given twice, or a value out of range is refused (exit code 2). Whole numbers may
be written like `300e9`; true and false also as on/off, yes/no, 1/0.

The complete options of an attempt, defaults filled in, are written to `<dir>/run.ini` and into every checkpoint.

**Resuming.** The keys of `[model]` and the tokenizer must be those of the checkpoint (else exit code 2, naming the
key). Everything else may change, layout included; each change is printed as `key: old -> new`.

**Exit codes.** 0 done; 1 failed, starting again may help; 2 bad input or options, starting again would not help;
75 stopped on request after saving, to be continued by starting again.
)";

const char* about(const std::string& section) {
  if (section == "model")
    return "Give sizes, or a preset, or a checkpoint to start from; a key given here wins over both.";
  if (section == "parallel") {
    return "tp * pp * dp ranks. Refused, naming degrees that work: tp that does not divide heads (or, with sequence "
           "parallel, sequence), a global batch that dp * micro_batch does not divide, interleaved with micro-batches "
           "not a multiple of pp, more chunks than layers, several chunks with 1f1b, ranks that do not fill the "
           "layout.";
  }
  if (section == "group.NAME") {
    return "A group of tensors that are trained alike, under a name of letters, digits, - and _; there may be several. "
           "A "
           "tensor belongs to the first group, in the order of the file, that matches it; what none matches is trained "
           "as [optimizer] says. A pattern that matches nothing is refused. See [optimizers](optimizers.md).";
  }
  if (section == "checkpoint") return "A checkpoint is also saved when the training ends or is asked to stop.";
  return "";
}

std::string allowed_text(const Key& key) {
  std::string text;
  if (key.name == "preset") return "see below";
  for (const std::string& word : key.allowed) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? range_of(key) : text;
}

}  // namespace

std::string options_page() {
  std::string text = kIntroduction, section;
  std::vector<Key> keys = key_table();
  std::ranges::move(group_keys("NAME"), std::back_inserter(keys));
  for (const Key& key : keys) {
    if (key.section != section) {
      section = key.section;
      const std::string words = about(section);
      text += "\n## [" + section + "]\n" + (words.empty() ? "" : words + "\n\n") +
              "| key | default | unit | allowed | meaning |\n|---|---|---|---|---|\n";
    }
    text += "| `" + key.name + "` | " + default_of(key) + " | " + key.unit + " | " + allowed_text(key) + " | " +
            key.help + " |\n";
  }
  return text + family_section() + preset_section();
}

}  // namespace trireme::options
