#include "launcher/console/saving_text.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

checkpoint::SaveResult result() {
  checkpoint::SaveResult saved;
  saved.ok = true;
  saved.step = 80;
  saved.bytes = 24'200'000;
  saved.seconds = 0.053;
  saved.path = "runs/a/checkpoints/step_80";
  saved.error = "Disk quota exceeded";
  return saved;
}

TEST(SavingText, ASaveSaysWhereHowMuchAndWhatItCost) {
  EXPECT_EQ(saved_text(result(), 0.001),
            "saved runs/a/checkpoints/step_80 (24.2 MB in 53 ms, of which the training waited 1 ms)");
}

TEST(SavingText, AFailedSaveSaysThatNothingElseIsLost) {
  EXPECT_EQ(not_saved_text(result()),
            "no checkpoint of step 80: Disk quota exceeded; older checkpoints are as they were, and training goes on");
}

TEST(SavingText, TheFastTierSaysThatItWillBeSilent) {
  EXPECT_EQ(
      fast_saved_text(result(), 0.001),
      "fast tier has step 80 (24.2 MB in 53 ms, of which the training waited 1 ms); later ones are not announced");
  EXPECT_EQ(fast_not_saved_text(result()),
            "fast tier: Disk quota exceeded; training goes on, and this is not said again until a later one is made");
}

TEST(SavingText, WaitingNamesTheOptionThatIsTooSmall) {
  EXPECT_EQ(waited_text(1.5, 10),
            "the training waited 1.5 s for a save to end before the next began: checkpoint.every_steps = 10 is shorter "
            "than a save takes");
}

TEST(SavingText, ARequestThatStaysIsForSomebodyToDelete) {
  EXPECT_EQ(request_stays_text("runs/a/control/save"),
            "the request in runs/a/control/save was honoured, but cannot be removed: delete it");
}

}  // namespace
}  // namespace trireme::launcher
