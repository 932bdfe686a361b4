#include "launcher/sweep/space.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.hpp"
#include "launcher/options/number.hpp"
#include "launcher/sweep/draws.hpp"

namespace trireme::launcher {
namespace {

using Values = std::vector<std::string>;

Domain domain(const std::string& text, NumberKind kind = NumberKind::kByText) { return Domain::parse("x", text, kind); }

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Domain, ReadsListsChoicesAndRanges) {
  EXPECT_EQ(domain("8, 16 , 32").values(), (Values{"8", "16", "32"}));
  EXPECT_EQ(domain("choice gpt2, llama").values(), (Values{"gpt2", "llama"}));
  EXPECT_EQ(domain("choice").values(), (Values{"choice"})) << "a value may be a word that means something else";
  EXPECT_EQ(domain(R"("a,b", c)").values(), (Values{"a,b", "c"}));
  EXPECT_EQ(domain("range 1 5 2").values(), (Values{"1", "3", "5"}));
  EXPECT_EQ(domain("range 1 6 2").values(), (Values{"1", "3", "5"}));
  EXPECT_EQ(domain("range 0.1 0.5 0.1").values(), (Values{"0.1", "0.2", "0.3", "0.4", "0.5"}));
  EXPECT_EQ(domain("range 3 1 -1").values(), (Values{"3", "2", "1"}));
}

TEST(Domain, KeepsIntegersIntegers) {
  std::map<std::string, int> counts;
  for (int i = 0; i < 900; ++i) ++counts[domain("uniform 1 3").at(i / 900.0)];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"1", 300}, {"2", 300}, {"3", 300}}));
  EXPECT_EQ(domain("uniform 0 1", NumberKind::kReal).at(0.5), "0.5") << "a key that holds real numbers";
  EXPECT_EQ(domain("uniform 0.0 1").at(0.25), "0.25");
  EXPECT_EQ(domain("loguniform 1 1000", NumberKind::kInteger).at(0.9999999), "1000");
  EXPECT_EQ(domain("loguniform 1 1000", NumberKind::kInteger).at(0), "1");
}

TEST(Domain, DrawsLogarithmsEvenly) {
  EXPECT_EQ(domain("loguniform 1e-4 1e-2").at(0.5), "0.001");
  EXPECT_EQ(domain("loguniform 1e-4 1e-2").at(0), "0.0001");
  EXPECT_EQ(domain("loguniform 1e-4 1e-2").at(0.123456), "0.000176568") << "six significant digits";
}

TEST(Domain, RefusesWhatCannotBeDrawn) {
  for (const char* text : {"", "uniform 1", "uniform 2 1", "uniform a b", "loguniform 0 1", "range 1 5 0",
                           "range 1 5 -1", "range 0 1e9 1", "1, 1", "1,,2", R"("a" b)"}) {
    EXPECT_NE(refusal([&] { domain(text); }).find("[sweep] x"), std::string::npos) << text;
  }
  EXPECT_NE(refusal([&] { domain("uniform 0.5 2", NumberKind::kInteger); }), "");
}

Constraint::Lookup values(std::map<std::string, double> known) {
  return [known](const std::string& name) {
    const auto found = known.find(name);
    return found == known.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Constraint, ComparesSumsAndProducts) {
  const auto holds = [](const std::string& text) {
    return Constraint(text).holds(values({{"a", 2}, {"b", 3}, {"model.hidden", 96}}));
  };
  for (const char* text : {"a + b * 2 = 8", "(a + b) * 2 == 10", "a - b - 1 = -2", "12 / a / 3 = 2",
                           "model.hidden % 32 = 0", "a < b and b < 4", "a > b or b = 3", "not a > b", "a != b",
                           "-a <= -2", "1e-3 * a >= 0.002", "not (a = 2 and b = 2)"}) {
    EXPECT_TRUE(holds(text)) << text;
  }
  for (const char* text : {"a + b * 2 = 10", "a > b and b > a", "a != 2", "model.hidden % 7 = 0", "a / 0 < 1",
                           "0 / 0 = 1", "0 / 0 != 1"}) {
    EXPECT_FALSE(holds(text)) << text;
  }
}

TEST(Constraint, DoesNotConcernTrialsThatLackAName) {
  EXPECT_TRUE(Constraint("missing > 5").holds(values({})));
  EXPECT_TRUE(Constraint("not missing > 5").holds(values({})));
}

TEST(Constraint, RefusesWhatIsNoComparison) {
  for (const char* text : {"", "a", "a +", "a < ", "a < b < c", "(a < b", "a < b)", "a and b", "1 + (a < b) = 2",
                           "a $ b", "not a", "a < 1x", "a = = b"}) {
    EXPECT_NE(refusal([&] { Constraint constraint(text); }).find("constraint"), std::string::npos) << text;
  }
  EXPECT_NE(refusal([&] { Constraint deep(std::string(100000, '(') + "a < b"); }), "") << "no overflow of the stack";
  EXPECT_NE(refusal([&] { Constraint deep(std::string(100000, '-') + "a < b"); }), "");
}

ParameterSpace space_of(const std::vector<std::pair<std::string, std::string>>& parameters,
                        const std::string& constraint = "") {
  ParameterSpace space;
  std::vector<std::string> before;
  for (const auto& [name, text] : parameters) {
    space.parameters.push_back(parse_parameter(name, text, NumberKind::kByText, before));
    before.push_back(name);
  }
  if (!constraint.empty()) space.constraints.emplace_back(constraint);
  return space;
}

const BaseValue kNoBase = [](const std::string&) { return std::optional<std::string>(); };

std::vector<std::string> texts(const std::vector<Assignment>& assignments) {
  std::vector<std::string> all;
  for (const Assignment& assignment : assignments) {
    std::string text;
    for (const auto& [name, value] : assignment) text += name + value + " ";
    all.push_back(text);
  }
  return all;
}

TEST(Space, MakesAllCombinations) {
  const auto found = product(space_of({{"a", "1, 2"}, {"b", "x, y"}}), kNoBase, 100);
  EXPECT_EQ(texts(found), (Values{"a1 bx ", "a1 by ", "a2 bx ", "a2 by "}));
}

TEST(Space, AConditionLeavesAParameterOutWithoutDoubles) {
  const auto space =
      space_of({{"opt", "adam, sgd"}, {"momentum", "0.8, 0.9 if opt = sgd"}, {"beta", "1 if opt != sgd"}});
  EXPECT_EQ(texts(product(space, kNoBase, 100)),
            (Values{"optadam beta1 ", "optsgd momentum0.8 ", "optsgd momentum0.9 "}));
  const auto other = space_of({{"n", "8, 16"}, {"lr", "1, 2 if n = 8.0 else 3"}});
  EXPECT_EQ(texts(product(other, kNoBase, 100)), (Values{"n8 lr1 ", "n8 lr2 ", "n16 lr3 "}));
  const auto both = space_of({{"a", "1, 2"}, {"b", "1, 2"}, {"c", "5 if a = 1 and b = 2"}});
  EXPECT_EQ(product(both, kNoBase, 100).size(), 4U);
}

TEST(Space, AConditionIsNotFoundInsideQuotesOrWords) {
  EXPECT_EQ(texts(product(space_of({{"a", R"("x if y", gift, elsewhere)"}}), kNoBase, 100)),
            (Values{"ax if y ", "agift ", "aelsewhere "}));
}

TEST(Space, AConstraintTakesCombinationsAwayAndMayNameTheRunFile) {
  const BaseValue base = [](const std::string& name) {
    return name == "model.hidden" ? std::optional<std::string>("64") : std::nullopt;
  };
  const auto space = space_of({{"heads", "3, 4, 8"}}, "model.hidden % heads = 0");
  EXPECT_EQ(texts(product(space, base, 100)), (Values{"heads4 ", "heads8 "}));
  const BaseValue word = [](const std::string&) { return std::optional<std::string>("llama"); };
  EXPECT_NE(refusal([&] { product(space, word, 100); }).find("needs numbers"), std::string::npos);
}

TEST(Space, RefusesConditionsThatNameNothing) {
  EXPECT_NE(refusal([] {
              space_of({{"alpha", "1"}, {"b", "1 if alpa = 1"}});
            }).find("did you mean alpha"),
            std::string::npos);
  EXPECT_NE(refusal([] { space_of({{"b", "1 if c"}}); }).find("no condition"), std::string::npos);
  EXPECT_NE(refusal([] { space_of({{"b", "1 else 2"}}); }).find("needs a condition"), std::string::npos);
  EXPECT_NE(refusal([] {
              product(space_of({{"b", "uniform 1 2"}}), kNoBase, 10);
            }).find("interval"),
            std::string::npos);
  EXPECT_NE(refusal([] {
              product(space_of({{"b", "range 1 20 1"}}), kNoBase, 10);
            }).find("more than 10"),
            std::string::npos);
}

TEST(Draws, DependOnNumberAndNameAlone) {
  EXPECT_EQ(random_place(1, 5, 0, "lr"), random_place(1, 5, 0, "lr"));
  std::map<double, int> seen;
  double sum = 0;
  for (std::uint64_t trial = 0; trial < 1000; ++trial) {
    const double place = random_place(7, trial, 0, "lr");
    EXPECT_TRUE(place >= 0 && place < 1);
    sum += place;
    ++seen[place];
  }
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_NEAR(sum / 1000, 0.5, 0.03);
  EXPECT_NE(random_place(7, 5, 0, "lr"), random_place(8, 5, 0, "lr"));
  EXPECT_NE(random_place(7, 5, 0, "lr"), random_place(7, 5, 1, "lr"));
  EXPECT_NE(random_place(7, 5, 0, "lr"), random_place(7, 5, 0, "beta"));
}

TEST(Draws, SobolBeginsAtTheOriginAndFillsHalvesEvenly) {
  EXPECT_EQ(sobol_point(0, 3), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(sobol_point(1, 3), (std::vector<double>{0.5, 0.5, 0.5}));
  EXPECT_EQ(sobol_point(2, 3), (std::vector<double>{0.75, 0.25, 0.25}));
  for (const std::uint64_t seed : {0, 1, 99}) {
    std::vector<int> low(5, 0);
    for (std::uint64_t i = 0; i < 64; ++i) {
      const auto point = sobol_point(i, 5, seed);
      for (std::size_t d = 0; d < 5; ++d) low[d] += point[d] < 0.5 ? 1 : 0;
    }
    EXPECT_EQ(low, std::vector<int>(5, 32)) << "seed " << seed;
  }
  EXPECT_NE(sobol_point(3, 2, 1), sobol_point(3, 2, 2));
}

}  // namespace
}  // namespace trireme::launcher
