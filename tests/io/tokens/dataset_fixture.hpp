#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "io/tokens/dataset_writer.hpp"
#include "io/tokens/token_dataset.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::tokens {

inline constexpr std::uint32_t kEnd = 0;

/// Makes datasets in a directory of its own.
class DatasetTest : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  TokenizerRecord record(std::uint64_t vocabulary = 1000, const std::string& json = "{\"tokenizer\": 1}") const {
    return {json, vocabulary, kEnd};
  }
  /// One document holding `tokens` and its end-of-text.
  static void add(DatasetWriter& writer, const std::vector<std::uint32_t>& tokens, bool counts = true) {
    writer.begin_document();
    writer.append(tokens, counts);
    writer.append(std::vector<std::uint32_t>{kEnd});
  }
  /// A dataset of tokens 1, 2, … count (modulo the vocabulary).
  std::string make_counting(const std::string& name, std::uint32_t count, std::uint64_t vocabulary = 60000,
                            const std::string& json = "{}") {
    DatasetWriter writer(files_, path(name), record(vocabulary, json), false);
    std::vector<std::uint32_t> tokens(count);
    std::iota(tokens.begin(), tokens.end(), 1U);
    for (auto& token : tokens) token = static_cast<std::uint32_t>(token % vocabulary);
    writer.begin_document();
    writer.append(tokens);
    writer.finish(path(name));
    return path(name);
  }
  std::vector<std::int64_t> tokens_of(const std::string& name) {
    const auto dataset = TokenDataset::open(files_, path(name));
    std::vector<std::int64_t> tokens(dataset.size());
    dataset.read(0, tokens.size(), tokens.data(), nullptr);
    return tokens;
  }
  std::vector<std::uint64_t> offsets_of(const std::string& name) {
    const auto dataset = TokenDataset::open(files_, path(name));
    std::vector<std::uint64_t> offsets(dataset.documents());
    const auto& section = dataset.header().document_offsets;
    files_.open(path(name), base::OpenMode::kRead)->pread(offsets.data(), section.bytes, section.offset);
    return offsets;
  }
  static std::string refusal(const std::function<void()>& action) {
    try {
      action();
    } catch (const base::InputError& error) {
      return error.what();
    }
    return "accepted";
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

}  // namespace trireme::tokens
