#include "io/tokens/packed_writer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "io/tokens/packing.hpp"

namespace trireme::tokens {
namespace {

// A document's first token is nobody's target.
bool has_target(std::span<const std::uint8_t> roles) {
  return std::any_of(roles.begin() + 1, roles.end(),
                     [](std::uint8_t role) { return static_cast<Role>(role) != Role::kPrompt; });
}

bool has_last_target(std::span<const std::uint8_t> roles) {
  return std::any_of(roles.begin() + 1, roles.end(),
                     [](std::uint8_t role) { return static_cast<Role>(role) == Role::kLastResponse; });
}

std::vector<std::vector<std::uint64_t>> one_each(std::size_t documents) {
  std::vector<std::vector<std::uint64_t>> samples;
  for (std::uint64_t document = 0; document < documents; ++document) samples.push_back({document});
  return samples;
}

}  // namespace

// The datasets' own files come first: they say best why a place cannot be written.
PackedWriter::PackedWriter(base::FileSystem& files, SplitPaths paths, const TokenizerRecord& tokenizer,
                           const PackedOptions& options)
    : paths_(std::move(paths)),
      options_(options),
      train_(DatasetWriter::packed(files, paths_.train, tokenizer, options.sequence)),
      tokens_(files, paths_.train + ".unpacked", sizeof(std::uint32_t)),
      roles_(files, paths_.train + ".roles", 1) {
  if (!paths_.valid.empty()) {
    valid_.emplace(DatasetWriter::packed(files, paths_.valid, tokenizer, options.sequence));
  }
}

void PackedWriter::add(std::span<const std::uint32_t> ids, std::span<const std::uint8_t> roles, std::uint64_t hash) {
  const std::size_t length = std::min<std::size_t>(ids.size(), options_.sequence);
  if (ids.size() > length) {
    ++counts_.cut;
    counts_.tokens_cut += ids.size() - length;
  }
  if (length == 0 || !has_target(roles.first(length))) {
    ++counts_.left_out;
    return;
  }
  if (ids.size() > length && !has_last_target(roles.first(length))) ++counts_.last_lost;
  documents_.push_back({tokens_.size(), hash, static_cast<std::uint32_t>(length)});
  tokens_.append(ids.data(), length);
  roles_.append(roles.data(), length);
}

std::vector<std::string> PackedWriter::temporary_files() const {
  auto paths = train_.temporary_files();
  if (valid_) {
    for (auto& path : valid_->temporary_files()) paths.push_back(std::move(path));
  }
  paths.push_back(tokens_.path());
  paths.push_back(roles_.path());
  return paths;
}

std::vector<bool> PackedWriter::to_validation() const {
  std::vector<bool> chosen;
  for (const Document& document : documents_) {
    chosen.push_back(std::ldexp(static_cast<double>(document.hash >> 11), -53) < options_.valid_fraction);
  }
  const auto validation = static_cast<std::size_t>(std::ranges::count(chosen, true));
  const auto place = [&](auto found) { return static_cast<std::size_t>(found - documents_.begin()); };
  if (validation == 0) chosen[place(std::ranges::min_element(documents_, {}, &Document::hash))] = true;
  if (validation == documents_.size()) {
    chosen[place(std::ranges::max_element(documents_, {}, &Document::hash))] = false;
  }
  return chosen;
}

DatasetHeader PackedWriter::write(DatasetWriter& writer, const std::string& path,
                                  const std::vector<Document>& documents) {
  std::vector<std::uint32_t> lengths;
  for (const Document& document : documents) lengths.push_back(document.length);
  std::vector<std::uint32_t> ids;
  std::vector<std::uint8_t> roles;
  for (const auto& sample :
       options_.packing ? pack_documents(lengths, options_.sequence) : one_each(documents.size())) {
    writer.begin_sample();
    for (const std::uint64_t number : sample) {
      const Document& document = documents[number];
      ids.resize(document.length);
      roles.resize(document.length);
      tokens_.read(document.begin, document.length, ids.data());
      roles_.read(document.begin, document.length, roles.data());
      writer.begin_document();
      writer.append(ids, std::span<const std::uint8_t>(roles));
    }
  }
  return writer.finish(path);
}

SplitResult PackedWriter::finish() {
  if (documents_.empty()) {
    throw base::InputError(counts_.left_out > 0 ? base::str("no conversation has a response within its first ",
                                                            options_.sequence, " tokens: raise --sequence")
                                                : "the inputs hold no conversation: there is nothing to prepare");
  }
  SplitResult result;
  if (!valid_) {
    result.train = write(train_, paths_.train, documents_);
    return result;
  }
  if (documents_.size() == 1) {
    throw base::InputError("the inputs hold one conversation, too few for two datasets: leave --valid-fraction out");
  }
  const std::vector<bool> chosen = to_validation();
  std::vector<Document> train, valid;
  for (std::size_t i = 0; i < documents_.size(); ++i) (chosen[i] ? valid : train).push_back(documents_[i]);
  result.valid = write(*valid_, paths_.valid, valid);
  result.train = write(train_, paths_.train, train);
  return result;
}

}  // namespace trireme::tokens
