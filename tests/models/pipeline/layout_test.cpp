// Layout equality: every case trains five steps in fp64 and must equal the one-rank run. One launch of 8 ranks runs
// all cases, several small layouts at a time. "layout_test cuda" runs the same cases on GPUs, where the one-rank run
// is on a GPU too (device_test compares GPU and host).
//
// On the host the numbers are also compared with recorded ones (number_record.hpp). "layout_test --record FILE" writes
// them to a file instead; reference_numbers.txt is such a file. A change that is meant to keep all bits is checked on
// any machine by recording before it and comparing after it.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "base/error.hpp"
#include "collectives/mpi/world.hpp"
#include "models/kernels/kernels.hpp"
#include "tests/models/pipeline/bf16_run.hpp"
#include "tests/models/pipeline/number_record.hpp"
#include "tests/models/pipeline/pair_cases.hpp"
#include "tests/support/gpus.hpp"

namespace trireme::tests {
namespace {

collectives::MpiWorld* g_world = nullptr;
std::optional<test::Gpus> g_gpus;       ///< none: on the host
std::optional<NumberRecord> g_numbers;  ///< the recorded numbers, or those to record; none on GPUs
bool g_records = false;

bool speaks() { return g_world->rank() == 0; }

/// The one-rank runs, each made by one rank and told to all.
std::map<std::string, Outcome> references(const std::vector<LayoutCase>& cases, collectives::Communicator& all) {
  std::map<std::string, const LayoutCase*> wanted;
  for (const LayoutCase& one : cases) wanted.emplace(reference_key(one), &one);
  std::map<std::string, Outcome> outcomes;
  int number = 0;
  for (const auto& [key, one] : wanted) {
    if (number++ % all.size() == all.rank()) outcomes[key] = run_alone(*one);
  }
  number = 0;
  for (const auto& [key, one] : wanted) share(outcomes[key], *one, all, number++ % all.size());
  return outcomes;
}

/// Cases that run at the same time: indices whose layouts together have no more ranks than the world.
std::vector<std::vector<std::size_t>> rounds_of(const std::vector<LayoutCase>& cases, int ranks) {
  std::vector<std::vector<std::size_t>> rounds;
  std::vector<int> free;
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const int needed = cases[index].config.degrees.world();
    const auto found = std::find_if(free.begin(), free.end(), [&](int left) { return left >= needed; });
    const auto round = static_cast<std::size_t>(found - free.begin());
    if (found == free.end()) {
      free.push_back(ranks);
      rounds.emplace_back();
    }
    free[round] -= needed;
    rounds[round].push_back(index);
  }
  return rounds;
}

/// The case of this round that `rank` takes part in, and its first rank; -1: none.
std::pair<int, int> place_of(const std::vector<std::size_t>& round, const std::vector<LayoutCase>& cases, int rank) {
  int first = 0;
  for (const std::size_t index : round) {
    const int size = cases[index].config.degrees.world();
    if (rank < first + size) return {static_cast<int>(index), first};
    first += size;
  }
  return {-1, first};
}

/// Runs cases in rounds: run(index, groups) is called on the ranks of that case. `all` has every rank.
void run_in_rounds(const std::vector<LayoutCase>& cases, collectives::Communicator& all,
                   const std::function<void(std::size_t, const pipeline::Groups&)>& run) {
  const auto all_on_device = g_gpus ? g_gpus->communicator("all on device") : nullptr;
  for (const auto& round : rounds_of(cases, all.size())) {
    const auto [index, first] = place_of(round, cases, all.rank());
    const auto group = all.split(index, all.rank(), "case");
    const auto on_device = all_on_device ? all_on_device->split(index, all.rank(), "case on device") : nullptr;
    if (index < 0) continue;
    const LayoutCase& one = cases[static_cast<std::size_t>(index)];
    const topology::Mesh mesh(one.config.degrees);
    pipeline::OwnedGroups groups = pipeline::make_groups(on_device ? *on_device : *group, mesh, one.config.chunks);
    run(static_cast<std::size_t>(index), groups.with_world(*group));
    groups.finish();
    if (on_device) on_device->finish();
  }
  if (all_on_device) all_on_device->finish();
}

/// Records the numbers of each case, or compares them. Ranks that did not run a case hold zeros.
void check_numbers(const std::vector<LayoutCase>& cases, std::vector<Numbers> numbers, collectives::Communicator& all) {
  all.all_reduce(numbers.data(), numbers.size() * sizeof(Numbers), collectives::DataType::kUInt8,
                 collectives::ReduceOp::kMax);
  for (std::size_t index = 0; index < cases.size(); ++index) {
    if (g_records) {
      g_numbers->add(cases[index], numbers[index]);
    } else {
      EXPECT_EQ(g_numbers->difference(cases[index], numbers[index]), "") << describe(cases[index]);
    }
  }
}

/// Worst differences of each case over all ranks.
std::vector<Difference> run_all(const std::vector<LayoutCase>& cases, bool recorded) {
  const auto all = g_world->communicator("all");
  const std::map<std::string, Outcome> expected = references(cases, *all);
  std::vector<Difference> worst(cases.size());
  std::vector<Numbers> numbers(cases.size());
  run_in_rounds(cases, *all, [&](std::size_t index, const pipeline::Groups& groups) {
    const LayoutCase& one = cases[index];
    worst[index] = run_and_compare(one, groups, expected.at(reference_key(one)),
                                   look_at_numbers(one, groups.world, numbers[index]));
  });
  all->all_reduce(worst.data(), worst.size() * kDifferences, collectives::DataType::kFloat64,
                  collectives::ReduceOp::kMax);
  if (g_numbers && recorded) check_numbers(cases, std::move(numbers), *all);
  return worst;
}

/// `recorded`: whether there are recorded numbers of these cases.
void expect_equal(std::vector<LayoutCase> cases, bool recorded = true) {
  if (g_gpus) {
    for (LayoutCase& one : cases)
      one.config.device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(g_gpus->index()));
  }
  const std::vector<Difference> worst = run_all(cases, recorded);
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const Difference& one = worst[index];
    const std::string text = describe(cases[index]);
    if (speaks()) {
      const std::string logits =
          generates(cases[index]) ? base::str(one.logits) : "skipped (a full mask generates nothing)";
      std::printf("%3zu %s: loss %.2g, norm %.2g, gradient %.2g, parameter %.2g, moment %.2g, eval %.2g, logits %s\n",
                  index + 1, text.c_str(), one.loss, one.norm, one.gradient, one.parameter, one.moment, one.evaluation,
                  logits.c_str());
    }
    EXPECT_LE(one.loss, 1.0) << text;
    EXPECT_LE(one.norm, 1.0) << text;
    EXPECT_LE(one.gradient, 1.0) << text;
    EXPECT_LE(one.parameter, 1.0) << text;
    EXPECT_LE(one.moment, 1.0) << text;
    EXPECT_LE(one.evaluation, 1.0) << text;
    EXPECT_LE(one.logits, 1.0) << text;
    EXPECT_EQ(one.badly_stored, 0.0) << text;
  }
}

void expect_within(const Bf16Ratio& ratio, const std::string& text) {
  if (speaks()) {
    std::printf("%s: loss %.2g, norm %.2g, gradient %.2g\n", text.c_str(), ratio.loss, ratio.norm, ratio.gradient);
  }
  EXPECT_LE(ratio.loss, 1.0) << text;
  EXPECT_LE(ratio.norm, 1.0) << text;
  EXPECT_LE(ratio.gradient, 1.0) << text;
}

TEST(LayoutMatrix, EveryLayoutOfAtMostEightRanksEqualsOneRank) {
  const std::vector<LayoutCase> cases = default_cases();
  EXPECT_EQ(cases.size(), 40U);
  if (speaks()) std::printf("%zu layouts at defaults (differences in units of the tolerance)\n", cases.size());
  expect_equal(cases);
}

TEST(LayoutMatrix, SizesThatDivideNothingEqualOneRank) { expect_equal(odd_cases()); }

TEST(LayoutMatrix, EveryOptimizerEqualsOneRank) { expect_equal(optimizer_cases(), false); }

TEST(LayoutMatrix, SamplesOfSeveralDocumentsEqualOneRank) { expect_equal(packed_cases()); }

TEST(LayoutMatrix, GroupsOfParametersEqualOneRank) { expect_equal(group_cases(), false); }

TEST(LayoutMatrix, EveryPairOfOptionsEqualsOneRank) {
  const PairCases pairs = pair_cases();
  if (speaks()) {
    std::printf("%zu cases cover %zu pairs of options; %zu pairs are refused:\n", pairs.cases.size(), pairs.pairs,
                pairs.refused.size());
    for (const std::string& refusal : pairs.refused) std::printf("    %s\n", refusal.c_str());
  }
  // A new refusal must not take pairs out of the matrix unnoticed.
  EXPECT_EQ(pairs.refused.size(), 14U);
  expect_equal(pairs.cases);
}

TEST(LayoutMatrix, Bf16StaysWithinItsRoundings) {
  if (g_gpus) GTEST_SKIP() << "the bound is of the host's kernels";
  const std::vector<LayoutCase> cases = bf16_cases();
  std::vector<LayoutCase> exact = cases;
  for (LayoutCase& one : exact) {
    one.config.precision = pipeline::Precision::kFp64;
    one.rounded_start = true;
  }
  const auto all = g_world->communicator("all");
  const std::map<std::string, Outcome> narrow = references(cases, *all);
  const std::map<std::string, Outcome> wide = references(exact, *all);
  std::vector<Bf16Ratios> worst(cases.size());
  run_in_rounds(cases, *all, [&](std::size_t index, const pipeline::Groups& groups) {
    worst[index] = compare_bf16(cases[index], groups, wide.at(reference_key(exact[index])),
                                narrow.at(reference_key(cases[index])));
  });
  all->all_reduce(worst.data(), worst.size() * kBf16Ratios, collectives::DataType::kFloat64,
                  collectives::ReduceOp::kMax);
  for (std::size_t index = 0; index < cases.size(); ++index) {
    const std::string text = base::str(index + 1, " ", describe(cases[index]));
    expect_within(worst[index].to_fp64, text + ", from fp64");
    expect_within(worst[index].to_one_rank, text + ", from one rank in bf16");
  }
}

TEST(LayoutNumbers, NarrowTypesKeepTheirNumbers) {
  if (!g_numbers) return;
  const std::vector<LayoutCase> cases = narrow_cases();
  const auto all = g_world->communicator("all");
  std::vector<Numbers> numbers(cases.size());
  run_in_rounds(cases, *all, [&](std::size_t index, const pipeline::Groups& groups) {
    run(cases[index], groups, {look_at_numbers(cases[index], groups.world, numbers[index])});
  });
  check_numbers(cases, std::move(numbers), *all);
}

TEST(LayoutNumbers, EveryRecordedLineBelongsToACase) {
  if (!g_numbers || g_records) return;
  std::set<std::string> texts;
  for (const auto& cases : {default_cases(), odd_cases(), packed_cases(), pair_cases().cases, narrow_cases()}) {
    for (const LayoutCase& one : cases) {
      EXPECT_TRUE(g_numbers->has(one)) << describe(one);
      texts.insert(describe(one));
    }
  }
  EXPECT_EQ(g_numbers->size(), texts.size());
}

/// Starts a record, or reads the recorded one and says on rank 0 how numbers are compared with it.
void prepare_numbers() {
  if (g_records) {
    g_numbers.emplace();
    return;
  }
  g_numbers = NumberRecord::read(TRIREME_REFERENCE_NUMBERS);
  if (!speaks()) return;
  if (g_numbers->exact()) {
    std::printf("numbers are compared bit for bit with those recorded on this kind of machine\n");
  } else {
    std::printf(
        "numbers are compared within tolerances, since they were recorded on another kind of machine\n"
        "    there: %s\n    here:  %s\n",
        g_numbers->kind().c_str(), kind_of_machine().c_str());
  }
}

/// Whether the cases can run: on the host always, on GPUs where one is visible.
bool prepare(collectives::MpiWorld& world, bool cuda) {
  g_world = &world;
  if (!cuda) return true;
  g_gpus = test::Gpus::find(world);
  if (!g_gpus) return false;
  kernels::set_cuda_table(reinterpret_cast<kernels::CudaTableEntry>(g_gpus->symbol("trireme_cuda_kernels"))());
  return true;
}

}  // namespace
}  // namespace trireme::tests

int main(int argc, char** argv) {
  namespace tests = trireme::tests;
  trireme::collectives::MpiWorld world;
  at::set_num_threads(1);
  testing::InitGoogleTest(&argc, argv);
  const bool cuda = argc > 1 && std::strcmp(argv[1], "cuda") == 0;
  if (!tests::prepare(world, cuda)) return 0;
  tests::g_records = argc > 2 && std::strcmp(argv[1], "--record") == 0;
  GTEST_FLAG_SET(catch_exceptions, false);  // an exception on one rank must end the job on all
  if (world.rank() != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
  }
  return trireme::collectives::run_guarded(world, [&] {
    if (!cuda) tests::prepare_numbers();
    const int failed = RUN_ALL_TESTS();
    if (tests::g_records && world.rank() == 0) tests::g_numbers->write(argv[2]);
    return failed;
  });
}
