#include "base/names.hpp"

namespace trireme::base {
namespace {

constexpr std::string_view kAlphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_word(std::string_view text, std::size_t longest, std::string_view first, std::string_view others) {
  if (text.empty() || text.size() > longest) return false;
  if (kAlphanumeric.find(text[0]) == std::string_view::npos && first.find(text[0]) == std::string_view::npos) {
    return false;
  }
  for (const char letter : text) {
    if (kAlphanumeric.find(letter) == std::string_view::npos && others.find(letter) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_run_id(std::string_view text) { return is_word(text, 64, "", "-_"); }

bool is_job_id(std::string_view text) { return is_run_id(text); }

bool is_dataset_name(std::string_view text) { return is_word(text, 100, "", "-_."); }

bool is_host_name(std::string_view text) { return is_word(text, 255, "_", "-_."); }

}  // namespace trireme::base
