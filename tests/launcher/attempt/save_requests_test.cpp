#include "launcher/attempt/save_requests.hpp"

#include <gtest/gtest.h>

#include "tests/support/memory_file_system.hpp"

namespace trireme::launcher {
namespace {

class SaveRequestsTest : public testing::Test {
 protected:
  void ask(const std::string& user) {
    files_.create_directories("/run/control");
    slurm::leave_request(files_, "/run", slurm::Wish::kSave, user, 0);
    seen_.look(now_ += 2);
  }
  bool is_there() { return files_.exists(slurm::control_file("/run", slurm::Wish::kSave)); }

  tests::MemoryFileSystem files_;
  slurm::ControlFiles seen_{files_, "/run"};
  SaveRequests requests_{seen_};
  double now_ = 0;
};

TEST_F(SaveRequestsTest, TheSaveThatBeginsAnswersWhatIsAskedThen) {
  EXPECT_FALSE(requests_.asked());
  ask("alice");
  EXPECT_TRUE(requests_.asked());
  requests_.save_begins();
  EXPECT_TRUE(is_there());
  EXPECT_TRUE(requests_.save_ended(true));
  EXPECT_FALSE(is_there());
  EXPECT_FALSE(requests_.asked());
}

TEST_F(SaveRequestsTest, ARequestThatComesDuringASaveWaitsForTheNext) {
  requests_.save_begins();
  ask("alice");
  EXPECT_TRUE(requests_.save_ended(true));
  EXPECT_TRUE(is_there());
  EXPECT_TRUE(requests_.asked());
}

TEST_F(SaveRequestsTest, AFailedSaveIsNotTriedAgainForTheSameRequest) {
  ask("alice");
  requests_.save_begins();
  EXPECT_TRUE(requests_.save_ended(false));
  EXPECT_TRUE(is_there());
  EXPECT_FALSE(requests_.asked());
  ask("bob");
  EXPECT_TRUE(requests_.asked()) << "another one";
}

TEST_F(SaveRequestsTest, AStepThatIsSavedAlreadyIsAnAnswer) {
  ask("alice");
  EXPECT_TRUE(requests_.saved_already());
  EXPECT_FALSE(is_there());
}

TEST_F(SaveRequestsTest, ARequestThatCannotBeRemovedIsSaid) {
  ask("alice");
  requests_.save_begins();
  files_.fail_at(1, EACCES);
  EXPECT_FALSE(requests_.save_ended(true));
  EXPECT_FALSE(requests_.asked()) << "and not honoured again";
}

}  // namespace
}  // namespace trireme::launcher
