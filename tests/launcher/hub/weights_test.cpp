#include "launcher/hub/weights.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "launcher/hub/elements.hpp"
#include "launcher/hub/import.hpp"
#include "models/spec/logical_tensor.hpp"
#include "tests/launcher/hub/small_gpt2.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

using checkpoint::DataType;
using checkpoint::kParam;
using checkpoint::WantedBox;
using testing::AllOf;
using testing::HasSubstr;

/// A GPT-2 in bf16 in a directory: element number i of a file's tensor number t is t + i / 64.
class HubWeights : public testing::Test {
 protected:
  HubWeights() {
    std::ofstream(directory_.path() / "config.json") << small_gpt2_config().dump();
    safetensors::Header header;
    header.tensors = small_gpt2_tensors();
    safetensors::place(header.tensors);
    std::ofstream file(directory_.path() / "model.safetensors", std::ios::binary);
    file << safetensors::header_bytes(header);
    for (std::size_t t = 0; t < header.tensors.size(); ++t) {
      std::vector<float> numbers(header.tensors[t].bytes() / 2);
      for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = number(t, i);
      std::vector<std::uint16_t> narrow_numbers(numbers.size());
      narrow(DataType::kFloat32, numbers.data(), static_cast<std::int64_t>(numbers.size()),
             safetensors::ElementType::kBF16, narrow_numbers.data());
      file.write(reinterpret_cast<const char*>(narrow_numbers.data()),
                 static_cast<std::streamsize>(2 * narrow_numbers.size()));
    }
  }

  /// What bf16 holds exactly.
  static float number(std::size_t tensor, std::size_t element) {
    return static_cast<float>(tensor * 4 + element % 4) / 4 + static_cast<float>(element / 4 % 4);
  }

  std::vector<float> whole(const std::string& name, const topology::Shape& shape) {
    const HubDirectory directory = HubDirectory::open(files_, directory_.path());
    const HubPlace& place = directory.places().at(name);
    const HubFileTensor& tensor = directory.tensors()[place.tensor];
    std::vector<float> out;
    const std::int64_t columns = shape.size() == 2 ? shape[1] : 1;
    for (std::int64_t r = 0; r < shape[0]; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        const std::int64_t row = place.first_row + r;
        const bool turned = tensor.meaning.transposed && shape.size() == 2;
        const std::int64_t at = turned ? c * tensor.place.shape[1] + row : row * columns + c;
        out.push_back(number(place.tensor, static_cast<std::size_t>(at)));
      }
    }
    return out;
  }

  tests::TemporaryDirectory directory_;
  base::PosixFileSystem files_;
};

TEST_F(HubWeights, FillAnyBoxesOnAnyRank) {
  auto random = tests::seeded_random(17);
  checkpoint::SingleProcess alone;
  const HubDirectory directory = share_hub_directory(alone, files_, directory_.path());
  const auto tensors = spec::logical_tensors(spec::make_plan(directory.model()));
  for (int round = 0; round < 50; ++round) {
    std::vector<WantedBox> wanted;
    std::vector<std::vector<double>> memory;
    for (const auto& tensor : tensors) {
      topology::Box box = topology::whole(tensor.shape);
      for (std::size_t d = 0; d < box.size.size(); ++d) {
        box.offset[d] = static_cast<std::int64_t>(random() % static_cast<unsigned>(tensor.shape[d]));
        box.size[d] = 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(tensor.shape[d] - box.offset[d]));
      }
      memory.emplace_back(static_cast<std::size_t>(box.elements()));
      wanted.push_back({kParam, tensor.name, tensor.shape, random() % 2 == 0 ? DataType::kFloat64 : DataType::kFloat32,
                        box, memory.back().data()});
    }
    const auto result = load_hub_weights(alone, files_, directory, wanted);
    EXPECT_TRUE(result.missing.empty() && result.unexpected.empty() && result.grown.empty());
    for (std::size_t t = 0; t < wanted.size(); ++t) {
      const std::vector<float> all = whole(wanted[t].tensor, wanted[t].shape);
      std::vector<float> part(memory[t].size());
      topology::copy_box(wanted[t].box, topology::whole(wanted[t].shape), all.data(), wanted[t].box, part.data(), 4);
      for (std::size_t i = 0; i < part.size(); ++i) {
        const double got = wanted[t].dtype == DataType::kFloat64
                               ? memory[t][i]
                               : static_cast<double>(reinterpret_cast<const float*>(memory[t].data())[i]);
        ASSERT_EQ(got, static_cast<double>(part[i])) << wanted[t].tensor << " " << i;
      }
    }
  }
}

TEST_F(HubWeights, RefuseAndAllowAsACheckpointDoes) {
  checkpoint::SingleProcess alone;
  const HubDirectory directory = share_hub_directory(alone, files_, directory_.path());
  std::vector<WantedBox> wanted;
  std::vector<float> memory(std::size_t{13} * 8, -7.0F);
  wanted.push_back({kParam, "embed.tokens", {13, 8}, DataType::kFloat32, topology::whole({13, 8}), memory.data()});
  checkpoint::LoadOptions options;
  options.part = true;
  const auto refusal = [&] {
    try {
      load_hub_weights(alone, files_, directory, wanted, options);
    } catch (const base::InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(), HasSubstr("grow:embed.tokens"));
  options.allow = {"grow:embed.tokens"};
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(memory[0], whole("embed.tokens", {11, 8})[0]);
  EXPECT_EQ(memory[std::size_t{10} * 8 + 7], whole("embed.tokens", {11, 8})[std::size_t{10} * 8 + 7]);
  EXPECT_EQ(memory[std::size_t{11} * 8], -7.0F);
  wanted.push_back({kParam, "head.bias", {4}, DataType::kFloat32, topology::whole({4}), memory.data()});
  EXPECT_THAT(refusal(), HasSubstr("head.bias"));
  options.part = false;
  wanted.pop_back();
  EXPECT_THAT(refusal(), HasSubstr("the model has no place for"));
}

TEST_F(HubWeights, AreImportedAsTheyAre) {
  const HubDirectory directory = HubDirectory::open(files_, directory_.path());
  const auto result = import_hub(files_, directory, directory_.path() / "imported", {});
  EXPECT_EQ(result.parameters, stored_bytes(directory) / 4);
  checkpoint::SingleProcess alone;
  const auto reader = checkpoint::Reader::open(alone, files_, directory_.path() / "imported");
  for (const auto& tensor : reader->table().tensors) {
    std::vector<float> memory(static_cast<std::size_t>(topology::elements_of(tensor.shape)));
    checkpoint::LoadOptions options;
    options.part = true;
    const std::vector<WantedBox> wanted = {
        {kParam, tensor.name, tensor.shape, DataType::kFloat32, topology::whole(tensor.shape), memory.data()}};
    reader->load(wanted, options);
    EXPECT_EQ(memory, whole(tensor.name, tensor.shape)) << tensor.name;
  }
}

TEST_F(HubWeights, AreNotImportedUnderTheNameOfAnotherStep) {
  const HubDirectory directory = HubDirectory::open(files_, directory_.path());
  for (const char* name : {"step_5", "step_5/", "step_00"}) {
    try {
      import_hub(files_, directory, directory_.path() / name, {});
      ADD_FAILURE() << name << " was accepted";
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(name), HasSubstr("another step than the import's, 0")));
    }
    EXPECT_FALSE(files_.exists(directory_.path() / name));
  }
  for (const char* name : {"step_0", "step_five"}) {
    import_hub(files_, directory, directory_.path() / name, {});
    EXPECT_NO_THROW(checkpoint::open_checkpoint(files_, directory_.path() / name)) << name;
  }
}

}  // namespace
}  // namespace trireme::launcher
