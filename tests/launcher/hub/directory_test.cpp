#include "launcher/hub/directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>

#include "base/error.hpp"
#include "base/json.hpp"
#include "launcher/hub/export_plan.hpp"
#include "launcher/hub/export_texts.hpp"
#include "launcher/hub/import.hpp"
#include "launcher/hub/output_directory.hpp"
#include "models/spec/logical_tensor.hpp"
#include "tests/launcher/hub/small_gpt2.hpp"
#include "tests/support/forwarding_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using safetensors::ElementType;
using testing::HasSubstr;

/// A directory with a GPT-2 of zeros in bf16, in one file, with a copy of its tied head.
class AHubDirectory : public testing::Test {
 protected:
  AHubDirectory() {
    base::Json config = small_gpt2_config();
    config["bos_token_id"] = 5;
    config["eos_token_id"] = {5, 7};
    std::ofstream(directory_.path() / "config.json") << config.dump();
    safetensors::Header header;
    header.tensors = small_gpt2_tensors();
    header.tensors.push_back({"lm_head.weight", ElementType::kBF16, {11, 8}});
    safetensors::place(header.tensors);
    std::ofstream file(directory_.path() / "model.safetensors", std::ios::binary);
    file << safetensors::header_bytes(header) << std::string(header.data_bytes(), '\0');
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(AHubDirectory, HasABoundForItsHeaders) {
  const HubDirectory directory = HubDirectory::open(files_, directory_.path());
  const std::uint64_t bytes = directory.record().shards.front().header_text.size();
  EXPECT_NO_THROW(HubDirectory::open(files_, directory_.path(), bytes));
  try {
    HubDirectory::open(files_, directory_.path(), bytes - 1);
    FAIL() << "headers beyond the bound are read";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the headers of the model's files"));
  }
}

TEST_F(AHubDirectory, WhoseTensorsAreNotTheModelsGivesItsTypeAndIds) {
  const HubRecord record = HubDirectory::open(files_, directory_.path()).record();
  spec::ModelConfig model = HubDirectory::open(files_, directory_.path()).model();
  ASSERT_TRUE(plan_export(model, record, std::nullopt).as_recorded);
  model.tie_embeddings = false;  // a head of its own
  const ExportPlan plan = plan_export(model, record, std::nullopt);
  EXPECT_FALSE(plan.as_recorded);
  for (const ExportTensor& tensor : plan.tensors) EXPECT_EQ(tensor.place.type, ElementType::kBF16);
  const base::Json config = base::Json::parse(with_token_ids(plan.config, record, {}));
  EXPECT_EQ(config["dtype"], "bfloat16");
  EXPECT_EQ(config["bos_token_id"], 5);
  EXPECT_EQ(config["eos_token_id"], base::Json({5, 7}));
}

TEST_F(AHubDirectory, IsComparedWithItsCopiesUntilAStop) {
  const HubDirectory directory = HubDirectory::open(files_, directory_.path());
  ASSERT_EQ(directory.copies().size(), 1U);
  EXPECT_NO_THROW(check_copy(files_, directory, 0));
  EXPECT_THROW(check_copy(files_, directory, 0, [] { return false; }), base::Stopped);
}

/// Files whose replaced directories stay.
class StickyFiles final : public tests::ForwardingFileSystem {
 public:
  void remove_all(const Path& path) override {
    if (path.extension() == ".old") throw base::IoError("cannot remove", 5);
    base::PosixFileSystem().remove_all(path);
  }
};

TEST(OutputDirectory, IsThereWhenTheOneBeforeCannotBeDeleted) {
  const tests::TemporaryDirectory directory;
  const auto target = directory.path() / "out";
  std::filesystem::create_directory(target);
  std::ofstream(target / "old") << "old";
  StickyFiles files;
  OutputDirectory output(files, target, base::Overwrite::kForced, "anything", [](const auto&) { return ""; });
  std::ofstream(output.partial() / "new") << "new";
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW(output.commit());
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("warning: "));
  EXPECT_TRUE(files.exists(target / "new"));
}

}  // namespace
}  // namespace trireme::launcher
