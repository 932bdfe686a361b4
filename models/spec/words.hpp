// The words by which run files and messages call the choices of a plan.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/spec/config.hpp"
#include "models/spec/plan.hpp"

namespace trireme::spec {

/// Each choice with its word.
template <typename Choice>
inline constexpr std::array<std::pair<Choice, std::string_view>, 0> kWords{};

template <>
inline constexpr std::array kWords<NormKind>{std::pair{NormKind::kRms, std::string_view("rms")},
                                             std::pair{NormKind::kLayer, std::string_view("layer")}};
template <>
inline constexpr std::array kWords<NormPlace>{std::pair{NormPlace::kBefore, std::string_view("before")},
                                              std::pair{NormPlace::kAfterBranch, std::string_view("after_branch")},
                                              std::pair{NormPlace::kAround, std::string_view("around")},
                                              std::pair{NormPlace::kAfterResidual, std::string_view("after_residual")}};
template <>
inline constexpr std::array kWords<Mask>{std::pair{Mask::kCausal, std::string_view("causal")},
                                         std::pair{Mask::kFull, std::string_view("full")}};
template <>
inline constexpr std::array kWords<RopeScaling>{std::pair{RopeScaling::kNone, std::string_view("none")},
                                                std::pair{RopeScaling::kLinear, std::string_view("linear")},
                                                std::pair{RopeScaling::kLlama3, std::string_view("llama3")},
                                                std::pair{RopeScaling::kYarn, std::string_view("yarn")}};
template <>
inline constexpr std::array kWords<QkNorm>{std::pair{QkNorm::kNone, std::string_view("none")},
                                           std::pair{QkNorm::kHead, std::string_view("head")},
                                           std::pair{QkNorm::kWidth, std::string_view("width")}};
template <>
inline constexpr std::array kWords<Activation>{std::pair{Activation::kGelu, std::string_view("gelu")},
                                               std::pair{Activation::kGeluTanh, std::string_view("gelu_tanh")},
                                               std::pair{Activation::kSilu, std::string_view("silu")},
                                               std::pair{Activation::kRelu, std::string_view("relu")}};
template <>
inline constexpr std::array kWords<Positions>{std::pair{Positions::kRotary, std::string_view("rotary")},
                                              std::pair{Positions::kLearned, std::string_view("learned")},
                                              std::pair{Positions::kNone, std::string_view("none")}};

template <typename Choice>
std::string word_of(Choice choice) {
  for (const auto& [each, word] : kWords<Choice>) {
    if (each == choice) return std::string(word);
  }
  return "?";
}

/// Nothing for a word that names no choice.
template <typename Choice>
std::optional<Choice> choice_of(std::string_view text) {
  for (const auto& [each, word] : kWords<Choice>) {
    if (word == text) return each;
  }
  return std::nullopt;
}

template <typename Choice>
std::vector<std::string> words_of() {
  std::vector<std::string> words;
  for (const auto& [each, word] : kWords<Choice>) words.emplace_back(word);
  return words;
}

}  // namespace trireme::spec
