#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "io/safetensors/header.hpp"
#include "io/safetensors/index.hpp"

namespace trireme::safetensors {
namespace {

using testing::HasSubstr;

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Header, IsWrittenAsTheLibraryDoes) {
  Header header;
  header.metadata = {{"format", "pt"}};
  header.tensors = {{"b", ElementType::kF32, {2, 2}}, {"a", ElementType::kBF16, {}}};
  place(header.tensors);
  const std::string bytes = header_bytes(header);
  const std::string text = R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                           R"("a":{"dtype":"BF16","shape":[],"data_offsets":[16,18]}})";
  ASSERT_EQ(bytes.size() % 8, 0U);
  EXPECT_EQ(bytes.substr(8, text.size()), text);
  EXPECT_EQ(static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])), bytes.size() - 8);
  EXPECT_EQ(parse_header(std::string_view(bytes).substr(8), 18, "f"), header);
}

TEST(Header, OrdersTensorsByTheirPlaceWhateverTheTextDoes) {
  const Header header = parse_header(
      R"({"late":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"early":{"shape":[1],"data_offsets":[0,1],"dtype":"U8"}})",
      2, "f");
  EXPECT_EQ(header.tensors[0].name, "early");
  EXPECT_EQ(header.tensors[1].name, "late");
}

TEST(Header, NamesTheTensorThatIsWrong) {
  const auto one = [](const std::string& tensor, std::uint64_t bytes) {
    return refusal([&] { parse_header("{\"w\":" + tensor + "}", bytes, "model.safetensors"); });
  };
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", 4), HasSubstr("w takes 4 bytes"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})", 8), HasSubstr("w begins at byte 4"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})", 9), HasSubstr("the file has 9 bytes"));
  EXPECT_THAT(one(R"({"dtype":"F99","shape":[1],"data_offsets":[0,4]})", 4), HasSubstr("unknown type F99 in tensor w"));
  EXPECT_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})", 4), HasSubstr("member x"));
  EXPECT_THAT(one(R"([])", 0), HasSubstr("a list where there must be none in tensor w"));
}

TEST(Header, SortsAsTheLibrary) {
  std::vector<Tensor> tensors = {{"b", ElementType::kF32, {}},
                                 {"a", ElementType::kF32, {}},
                                 {"c", ElementType::kF64, {}},
                                 {"d", ElementType::kBool, {}}};
  sort_as_library(tensors);
  std::string order;
  for (const Tensor& tensor : tensors) order += tensor.name;
  EXPECT_EQ(order, "cabd");
}

TEST(Index, ReadsAndWritesWhatTransformersDoes) {
  const std::string text =
      "{\n  \"metadata\": {\n    \"total_size\": 12\n  },\n  \"weight_map\": {\n    \"a\": \"model-1.safetensors\",\n"
      "    \"b\": \"model-2.safetensors\"\n  }\n}\n";
  const Index index = parse_index(text, "index");
  EXPECT_EQ(index.shard_of.at("b"), "model-2.safetensors");
  EXPECT_EQ(index.total_size, 12U);
  EXPECT_EQ(index_text(index), text);
}

TEST(Index, RefusesNamesThatLeadElsewhere) {
  for (const std::string name : {"../m.safetensors", "/etc/m.safetensors", "a/m.safetensors", "m.bin", "",
                                 ".safetensors", "m\\u0000.safetensors", "m\\n.safetensors", "a\\\\m.safetensors"}) {
    EXPECT_THAT(refusal([&] { parse_index(R"({"weight_map":{"w":")" + name + "\"}}", "index"); }),
                HasSubstr("tensor w is said to lie in"))
        << name;
  }
  EXPECT_TRUE(is_shard_name("model-00001-of-00002.safetensors"));
}

TEST(Index, RefusesWhatIsNone) {
  for (const std::string text :
       {"", "[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{}})", R"({"weight_map":{"a":1}})",
        R"({"weight_map":{"a":"b.safetensors","a":"c.safetensors"}})"}) {
    EXPECT_NE(refusal([&] { parse_index(text, "index"); }), "") << text;
  }
  EXPECT_THAT(refusal([] { parse_index(std::string(100, '['), "index"); }), HasSubstr("nested"));
}

}  // namespace
}  // namespace trireme::safetensors
