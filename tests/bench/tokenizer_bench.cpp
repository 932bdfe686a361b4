// Encodes the documents of a file (apart by NUL) with some threads, each document by one thread, and prints the wall
// seconds and the number of tokens. All ids are kept, as the peers keep theirs.
//   tokenizer_bench TOK FILE THREADS
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/file_system.hpp"
#include "io/text/tokenizer.hpp"

namespace {

std::vector<std::string_view> documents_of(std::string_view text) {
  std::vector<std::string_view> documents;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\0'), text.size());
    documents.push_back(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  return documents;
}

int run(const char* tokenizer_path, const char* file, int threads) {
  const trireme::text::Tokenizer tokenizer = trireme::text::Tokenizer::load(tokenizer_path);
  trireme::base::PosixFileSystem files;
  const std::string text = files.read_all(file);
  const std::vector<std::string_view> documents = documents_of(text);
  std::vector<std::vector<std::uint32_t>> ids(documents.size());
  std::atomic<std::size_t> next{0};
  const auto start = std::chrono::steady_clock::now();
  const auto work = [&] {
    for (std::size_t i = next++; i < documents.size(); i = next++) tokenizer.encode(documents[i], ids[i]);
  };
  {
    std::vector<std::jthread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(work);
    work();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::size_t tokens = 0;
  for (const auto& list : ids) tokens += list.size();
  std::printf("%.6f %zu\n", seconds.count(), tokens);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: tokenizer_bench TOK FILE THREADS\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], std::atoi(argv[3]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
