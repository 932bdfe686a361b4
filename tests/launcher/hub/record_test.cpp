#include "launcher/hub/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.hpp"
#include "base/json.hpp"
#include "launcher/hub/base64.hpp"
#include "launcher/hub/model_card.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

HubRecord sample() {
  HubRecord record;
  record.name = "org/model";
  record.texts = {{"config.json", "{\"é\": 1}\n"}, {"1_Pooling/config.json", "{}"}};
  const std::string text =
      R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"m":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}} )";
  record.shards = {{"model.safetensors", text, safetensors::parse_header(text, 11, "x")}};
  record.kept["m"] = pack(std::string("\0\1\2", 3));
  return record;
}

std::string refusal(const std::function<void(base::Json&)>& change) {
  base::Json json = base::Json::parse(to_text(sample()));
  change(json);
  try {
    parse_hub_record(json.dump(), "HUB.json");
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

TEST(HubRecord, IsReadBackAsItWas) {
  const HubRecord record = sample();
  const HubRecord again = parse_hub_record(to_text(record), "HUB.json");
  EXPECT_EQ(again.name, record.name);
  EXPECT_EQ(again.texts, record.texts);
  EXPECT_EQ(again.shards[0].header_text, record.shards[0].header_text);
  EXPECT_EQ(again.shards[0].header, record.shards[0].header);
  EXPECT_EQ(again.kept, record.kept);
  EXPECT_EQ(unpack(again.kept.at("m"), "m"), std::string("\0\1\2", 3));
  EXPECT_EQ(to_text(again), to_text(record));
}

TEST(HubRecord, RefusesWhatIsNeverWritten) {
  EXPECT_THAT(refusal([](auto& json) { json["version"] = 2; }), HasSubstr("later"));
  EXPECT_THAT(refusal([](auto& json) { json["format"] = "x"; }), HasSubstr("another program"));
  EXPECT_THAT(refusal([](auto& json) { json["texts"]["../up"] = ""; }), HasSubstr("../up"));
  EXPECT_THAT(refusal([](auto& json) { json["texts"]["model.safetensors"] = ""; }), HasSubstr("model.safetensors"));
  EXPECT_THAT(refusal([](auto& json) { json["shards"][0]["name"] = "../m.safetensors"; }), HasSubstr("../m"));
  EXPECT_THAT(refusal([](auto& json) { json["shards"].push_back(json["shards"][0]); }), HasSubstr("twice"));
  EXPECT_THAT(refusal([](auto& json) { json["shards"] = base::Json::array(); }), HasSubstr("no shard"));
  EXPECT_THAT(refusal([](auto& json) { json["shards"][0]["bytes"] = 12; }), HasSubstr("12 bytes"));
  EXPECT_THAT(refusal([](auto& json) { json["kept"]["m"]["bytes"] = 4; }), HasSubstr("kept tensor m"));
  EXPECT_THAT(refusal([](auto& json) { json["kept"]["other"] = json["kept"]["m"]; }), HasSubstr("other"));
  EXPECT_THAT(refusal([](auto& json) { json["kept"]["m"]["zstd"] = "AAA"; }), HasSubstr("base64"));
  EXPECT_THAT(refusal([](auto& json) { json.erase("texts"); }), HasSubstr("texts"));
  EXPECT_THROW(parse_hub_record(std::string(100, '['), "HUB.json"), base::InputError);
  EXPECT_THROW(parse_hub_record("", "HUB.json"), base::InputError);
  KeptTensor bomb = pack(std::string(1000, 'x'));
  bomb.bytes = 10;
  EXPECT_THROW(unpack(bomb, "bomb"), base::InputError);
}

TEST(Base64, IsTheUsualOne) {
  EXPECT_EQ(to_base64("Many hands make light work."), "TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu");
  for (const std::string bytes : {"", "a", "ab", "abc", "\xff\xfe\xfd\xfc"}) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
  for (const std::string text : {"A", "AAA", "A===", "AA=A", "AB==", "A\nAA", "AAA*"}) {
    EXPECT_THROW(from_base64(text), base::Error) << text;
  }
}

TEST(ModelCard, KeepsTheParentsLicenceAlone) {
  const std::string parent =
      "---\nlicense: apache-2.0\nlicense_link: https://example.org\ntags:\n- license: x\n  license: "
      "inner\n---\nlicense: body\n";
  EXPECT_THAT(licence_lines(parent), ElementsAre("license: apache-2.0", "license_link: https://example.org"));
  EXPECT_TRUE(licence_lines("license: apache-2.0\n").empty());
  EXPECT_TRUE(licence_lines("---\nlicense:\n- a\n- b\n---\n").empty());
  CardFacts facts;
  facts.name = "tuned";
  facts.parent = "org/model";
  facts.parent_card = parent;
  facts.step = 7;
  facts.datasets = {"bible\n---", "b"};
  facts.metrics = {{"validation loss", "2.5 | at step 7"}};
  const std::string card = model_card(facts);
  EXPECT_THAT(card,
              HasSubstr("---\nlicense: apache-2.0\nlicense_link: https://example.org\nbase_model: \"org/model\"\n"));
  EXPECT_THAT(card, HasSubstr("2.5 \\| at step 7"));
  EXPECT_THAT(card, Not(HasSubstr("body")));
  EXPECT_EQ(card.find("\n---\n", 4), card.rfind("\n---\n"));  // nothing closes the front matter early
}

}  // namespace
}  // namespace trireme::launcher
