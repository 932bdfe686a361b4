// Every layout's checkpoint in other layouts: in a quarter of them, each of which takes a quarter of all checkpoints,
// and with TRIREME_ALL_PAIRS in every one (scripts/soak.sh).
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/launcher/layout_state.hpp"

namespace trireme::tests {
namespace {

void load_in_others(const char* what, const spec::ModelConfig& model) {
  const std::size_t stride = std::getenv("TRIREME_ALL_PAIRS") ? 1 : 4;
  const Truth truth(model);
  const std::vector<Layout> layouts = all_layouts(model);
  ASSERT_EQ(layouts.size(), 54u);
  int pairs = 0;
  std::int64_t compared = 0;
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    const Layout& from = layouts[i];
    TemporaryDirectory directory(memory_directory());
    const auto path = save(from, truth, directory.path());
    for (std::size_t j = i / stride % stride; j < layouts.size(); j += stride) {
      const Layout& to = layouts[j];
      const Compared result = load(to, truth, path);
      ASSERT_EQ(result.equal, result.elements) << from.name << " -> " << to.name;
      ASSERT_GT(result.elements, 0);
      compared += result.elements;
      ++pairs;
    }
  }
  std::cout << what << ": " << pairs << " pairs of " << layouts.size() << " layouts, " << compared
            << " elements compared, all equal\n";
}

TEST(Resharding, EveryLayoutLoadsOthersTied) { load_in_others("llama, tied", tied_llama()); }

TEST(Resharding, EveryLayoutLoadsOthersUntied) { load_in_others("gpt2, untied", untied_gpt2()); }

}  // namespace
}  // namespace trireme::tests
