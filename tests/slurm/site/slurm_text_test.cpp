#include "slurm/site/slurm_text.hpp"

#include <gmock/gmock.h>

namespace trireme::slurm {
namespace {

using testing::ElementsAre;

TEST(ParseConfig, TakesTheFirstOfAKeyAndReadsNullAsEmpty) {
  const Fields fields = parse_config(
      "Configuration data as of 2024-01-01T00:00:00\nPreemptMode             = GANG,SUSPEND\nPrioFlags = \n"
      "AuthAltParameters = jwt_key=/a/b\nGresTypes = (null)\n\nCgroup Support Configuration:\nPreemptMode = other\n"
      "Slurmctld(primary) at ctl is UP\n");
  EXPECT_EQ(field(fields, "PreemptMode"), "GANG,SUSPEND");
  EXPECT_EQ(field(fields, "AuthAltParameters"), "jwt_key=/a/b");
  EXPECT_EQ(field(fields, "GresTypes"), "");
  EXPECT_EQ(fields.count("PrioFlags"), 1U);
  EXPECT_EQ(field(fields, "Missing"), "");
  EXPECT_EQ(fields.size(), 4U);
}

TEST(ParseRecords, ReadsRecordsInOneLineAndInSeveral) {
  for (const char* text :
       {"P=a X=1 T=cpu=4,mem=2G\nP=b X=(null)\n", "P=a\n   X=1\n   T=cpu=4,mem=2G\n\nP=b X=(null)\n"}) {
    const std::vector<Fields> records = parse_records(text, "P");
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(field(records[0], "T"), "cpu=4,mem=2G");
    EXPECT_EQ(field(records[1], "X"), "");
  }
  EXPECT_TRUE(parse_records("No partitions in the system\n", "P").empty());
}

TEST(Split, TrimsPartsAndKeepsEmptyOnes) {
  EXPECT_THAT(split(" a , ,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre());
}

TEST(LeadingNumber, StopsAtTheFirstOtherCharacter) {
  EXPECT_EQ(leading_number("30 sec"), 30);
  EXPECT_EQ(leading_number("128+"), 128);
  EXPECT_EQ(leading_number("UNLIMITED"), std::nullopt);
  EXPECT_EQ(leading_number("-1"), std::nullopt);
  EXPECT_EQ(leading_number(""), std::nullopt);
}

}  // namespace
}  // namespace trireme::slurm
