#include "launcher/report/page.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/json.hpp"
#include "launcher/report/report_data.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

const PageParts kParts{"<p>@POLICY@</p>@STYLES@<b>@DATA@</b>@SCRIPTS@", {"a{}"}, {"1;", "2;"}};

TEST(Page, JsonInAScriptElementCannotEndIt) {
  const base::Json value = {"</script><img onerror=alert(1)>", "<!--<script>", "a&b",
                            "\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA", "\x01\x7f"};
  const std::string text = escaped_json(value.dump());
  for (const char* bad : {"<", ">", "&", "\xE2\x80\xA8", "\xE2\x80\xA9"}) EXPECT_EQ(text.find(bad), std::string::npos);
  EXPECT_EQ(base::Json::parse(text), value);
}

TEST(Page, PolicyAllowsItsOwnPartsOnly) {
  // printf '1;' | openssl dgst -sha256 -binary | base64
  EXPECT_EQ(content_policy(kParts),
            "default-src 'none'; script-src 'sha256-CImjRDTlhukYQ2AnxOi0wzgPhGQ3Mb3rVwJK24dFz1M=' "
            "'sha256-6ebDVMEX0Q2RjAHSOjG9gqwf5tL025wC5//fwos0ewY='; style-src "
            "'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='; "
            "base-uri 'none'; form-action 'none'");
}

TEST(Page, PutsThePartsInTheirPlaces) {
  const std::string page = make_page(kParts, "{\"a\":\"@SCRIPTS@<\"}");
  EXPECT_NE(
      page.find("<style>a{}</style>\n<b>{\"a\":\"@SCRIPTS@\\u003c\"}</b><script>1;</script>\n<script>2;</script>\n"),
      std::string::npos)
      << page;
}

TEST(Page, RefusesAScriptThatEndsItsElement) {
  PageParts parts = kParts;
  parts.scripts.push_back("'</script>'");
  EXPECT_THROW(make_page(parts, "{}"), base::Error);
  parts = kParts;
  parts.html = "@DATA@";
  EXPECT_THROW(make_page(parts, "{}"), base::Error);
}

TEST(Page, AMissingLibraryIsNamed) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  try {
    read_page_parts(files, directory.path());
    FAIL();
  } catch (const base::InputError&) {
    FAIL() << "restarting helps once it is installed";
  } catch (const base::Error& error) {
    EXPECT_NE(std::string(error.what()).find("libjs-dygraphs"), std::string::npos);
  }
}

TEST(ReportData, ManyRunsShareTheRoomOfAPage) {
  EXPECT_EQ(buckets_for(1), 1500U);
  EXPECT_EQ(buckets_for(50), 400U);
  EXPECT_EQ(buckets_for(100000), 100U);
}

TEST(ReportData, RunsOfOneNameAreToldApart) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  for (const char* tree : {"a", "b"}) {
    files.create_directories(directory.path() / tree / "run");
    files.replace(directory.path() / tree / "run" / "metrics.jsonl", "{\"step\":1,\"loss\":1}\n");
  }
  const auto report = read_report(files, {directory.path() / "a" / "run", directory.path() / "b" / "run/"}, 100);
  const auto json = base::Json::parse(report.json);
  EXPECT_EQ(json.at("runs").at(0).at("run"), "a/run");
  EXPECT_EQ(json.at("runs").at(1).at("run"), "b/run");
  EXPECT_EQ(report.lines, 2U);
}

TEST(ReportData, RunsOfOneNameGetAsManyParentsAsItTakes) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  std::vector<std::filesystem::path> paths;
  for (const char* tree : {"ann/runs/base", "bob/runs/base", "bob/runs/other", "bob/runs/base"}) {
    paths.push_back(directory.path() / tree);
    files.create_directories(paths.back());
    files.replace(paths.back() / "metrics.jsonl", "{\"step\":1,\"loss\":1}\n");
  }
  const auto json = base::Json::parse(read_report(files, paths, 100).json);
  EXPECT_EQ(json.at("runs").at(0).at("run"), "ann/runs/base");
  EXPECT_EQ(json.at("runs").at(1).at("run"), "bob/runs/base");
  EXPECT_EQ(json.at("runs").at(2).at("run"), "other");
  EXPECT_EQ(json.at("runs").at(3).at("run"), "bob/runs/base");
}

TEST(ReportData, WhatIsNoRunIsRefused) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  try {
    read_report(files, {directory.path()}, 100);
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_NE(std::string(error.what()).find("name the runs in it"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("metrics.jsonl"), std::string::npos);
  }
  EXPECT_THROW(read_report(files, {directory.path()}, 100), base::InputError);
  EXPECT_THROW(read_report(files, {directory.path() / "none"}, 100), base::InputError);
}

}  // namespace
}  // namespace trireme::launcher
