// Every layout's checkpoint in every other layout.
#include <gtest/gtest.h>

#include <iostream>

#include "tests/launcher/layout_state.hpp"

namespace trireme::tests {
namespace {

void load_all_in_all(const char* what, const spec::ModelConfig& model) {
  const Truth truth(model);
  const std::vector<Layout> layouts = all_layouts(model);
  ASSERT_EQ(layouts.size(), 54u);
  int pairs = 0;
  std::int64_t compared = 0;
  for (const Layout& from : layouts) {
    TemporaryDirectory directory(memory_directory());
    const auto path = save(from, truth, directory.path());
    for (const Layout& to : layouts) {
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

TEST(Resharding, EveryLayoutLoadsEveryOtherTied) { load_all_in_all("llama, tied", tied_llama()); }

TEST(Resharding, EveryLayoutLoadsEveryOtherUntied) { load_all_in_all("gpt2, untied", untied_gpt2()); }

}  // namespace
}  // namespace trireme::tests
