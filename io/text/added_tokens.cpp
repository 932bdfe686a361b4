#include "io/text/added_tokens.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"

namespace trireme::text {
namespace {

/// The start of the character that ends before `end`.
std::size_t previous(std::string_view text, std::size_t end) {
  do {
    --end;
  } while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(const std::vector<AddedToken>& tokens, std::shared_ptr<const UnicodeClasses> classes)
    : tokens_(tokens), classes_(std::move(classes)), nodes_(1) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  for (std::size_t t = 0; t < tokens_.size(); ++t) {
    const std::size_t bytes = tokens_[t].content.size();
    if (bytes > kLongest) {
      throw base::InputError(
          base::str("an added token is ", bytes, " bytes long, more than ", kLongest, ": Trireme does not read it"));
    }
    std::uint32_t node = 0;
    for (const char c : tokens_[t].content) {
      const auto byte = static_cast<unsigned char>(c);
      auto& children = nodes_[node].children;
      const auto child = std::find_if(children.begin(), children.end(), [&](const auto& x) { return x.first == byte; });
      if (child != children.end()) {
        node = child->second;
      } else {
        const auto made = static_cast<std::uint32_t>(nodes_.size());
        children.emplace_back(byte, made);
        nodes_.emplace_back();
        node = made;
      }
    }
    nodes_[node].token = static_cast<std::int64_t>(t);
  }
  for (const auto& [byte, child] : nodes_[0].children) first_bytes_[byte] = true;
  if (nodes_[0].children.size() == 1) only_first_byte_ = nodes_[0].children[0].first;
}

std::size_t AddedTokenFinder::candidate(std::string_view text, std::size_t from) const {
  if (from >= text.size()) return text.size();
  if (only_first_byte_ >= 0) {
    const void* found = std::memchr(text.data() + from, only_first_byte_, text.size() - from);
    return found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.size();
  }
  while (from < text.size() && !first_bytes_[static_cast<unsigned char>(text[from])]) ++from;
  return from;
}

const AddedToken* AddedTokenFinder::longest_at(std::string_view text, std::size_t position) const {
  const AddedToken* longest = nullptr;
  std::uint32_t node = 0;
  for (std::size_t i = position; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto& children = nodes_[node].children;
    const auto child = std::find_if(children.begin(), children.end(), [&](const auto& x) { return x.first == byte; });
    if (child == children.end()) break;
    node = child->second;
    if (nodes_[node].token >= 0) longest = &tokens_[static_cast<std::size_t>(nodes_[node].token)];
  }
  return longest;
}

bool AddedTokenFinder::stands_alone(std::string_view text, std::size_t begin, std::size_t end) const {
  std::uint32_t length;
  if (begin > 0 && (classes_->at(text.data() + previous(text, begin), length) & kWord)) return false;
  return end == text.size() || !(classes_->at(text.data() + end, length) & kWord);
}

bool AddedTokenFinder::next(std::string_view text, std::size_t& search, std::size_t floor, Match& match) const {
  for (std::size_t at = candidate(text, search); at < text.size(); at = candidate(text, at)) {
    const AddedToken* const token = longest_at(text, at);
    if (!token) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + token->content.size();
    at = end;
    if (token->single_word && !stands_alone(text, begin, end)) continue;
    search = end;
    std::uint32_t length;
    if (token->lstrip) begin = std::max(begin, floor);
    while (token->lstrip && begin > floor) {
      const std::size_t left = previous(text, begin);
      if (left < floor || !(classes_->at(text.data() + left, length) & kSpace)) break;
      begin = left;
    }
    if (token->rstrip) {
      // What the token before it swallowed is white space up to there, with or without this one.
      end = std::max(end, match.swallowed);
      while (end < text.size() && (classes_->at(text.data() + end, length) & kSpace)) end += length;
      match.swallowed = end;
    }
    if (begin > end) {
      throw base::InputError(base::str("the added token \"", token->content, "\" at byte ", at - token->content.size(),
                                       " of a text lies in white space that the token before it swallowed: "
                                       "Hugging Face tokenizers fail on it"));
    }
    match.begin = begin;
    match.end = end;
    match.id = token->id;
    return true;
  }
  return false;
}

}  // namespace trireme::text
