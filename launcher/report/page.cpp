#include "launcher/report/page.hpp"

#include "base/error.hpp"
#include "base/own_program.hpp"
#include "base/sha256.hpp"

namespace trireme::launcher {
namespace {

using base::str;

constexpr const char* kLibraryScript = "dygraph.min.js";
constexpr const char* kLibraryStyle = "dygraph.min.css";
constexpr const char* kOwnScripts[] = {"data.js",     "words.js",    "charts.js", "pointer.js", "tables.js",
                                       "timeline.js", "drawings.js", "sweep.js",  "main.js"};

std::string hash_of(const std::string& text) {
  const auto digest = base::sha256(text);
  return "'sha256-" + base::base64({reinterpret_cast<const char*>(digest.data()), digest.size()}) + "'";
}

// A browser's tools would ask for the map.
std::string without_source_map(std::string text) {
  for (const std::string_view mark : {"//# sourceMappingURL", "/*# sourceMappingURL"}) {
    const std::size_t found = text.rfind(mark);
    if (found != std::string::npos) text.resize(found);
  }
  return text;
}

std::string elements(const char* name, const std::vector<std::string>& texts) {
  std::string html;
  for (const std::string& text : texts) {
    if (text.find(str("</", name)) != std::string::npos) throw base::Error(str("a part of the page ends its ", name));
    html += str("<", name, ">", text, "</", name, ">\n");
  }
  return html;
}

}  // namespace

std::filesystem::path page_directory() {
  return base::own_program().parent_path().parent_path() / "share" / "trireme" / "report";
}

PageParts read_page_parts(base::FileSystem& files, const std::filesystem::path& directory) {
  if (!files.exists(directory / kLibraryScript) || !files.exists(directory / kLibraryStyle)) {
    throw base::Error(str("a report needs the library dygraphs, and ", (directory / kLibraryScript).string(),
                          " is not there: install it (Debian: libjs-dygraphs), or name its directory with cmake "
                          "-DTRIREME_DYGRAPHS_DIR=DIR, and run scripts/setup.sh again"));
  }
  PageParts parts;
  parts.html = files.read_all(directory / "report.html");
  parts.styles = {without_source_map(files.read_all(directory / kLibraryStyle)),
                  files.read_all(directory / "report.css")};
  parts.scripts = {without_source_map(files.read_all(directory / kLibraryScript))};
  std::string own = "'use strict';\n{\n";
  for (const char* name : kOwnScripts) own += files.read_all(directory / name);
  parts.scripts.push_back(own + "}\n");
  return parts;
}

std::string escaped_json(std::string_view json) {
  std::string text;
  text.reserve(json.size() + json.size() / 64);
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<') {
      text += "\\u003c";
    } else if (c == '>') {
      text += "\\u003e";
    } else if (c == '&') {
      text += "\\u0026";
    } else if (json.substr(i, 3) == "\xE2\x80\xA8" || json.substr(i, 3) == "\xE2\x80\xA9") {
      text += json[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      text += c;
    }
  }
  return text;
}

std::string content_policy(const PageParts& parts) {
  std::string policy = "default-src 'none'; script-src";
  for (const std::string& script : parts.scripts) policy += " " + hash_of(script);
  policy += "; style-src";
  for (const std::string& style : parts.styles) policy += " " + hash_of(style);
  return policy + "; base-uri 'none'; form-action 'none'";
}

std::string make_page(const PageParts& parts, std::string_view json) {
  const std::pair<std::string_view, std::string> fillings[] = {{"@POLICY@", content_policy(parts)},
                                                               {"@STYLES@", elements("style", parts.styles)},
                                                               {"@DATA@", escaped_json(json)},
                                                               {"@SCRIPTS@", elements("script", parts.scripts)}};
  std::string page;
  std::string_view rest = parts.html;
  for (const auto& [place, text] : fillings) {
    const std::size_t found = rest.find(place);
    if (found == std::string_view::npos) throw base::Error(str("report.html lacks ", place));
    page += rest.substr(0, found);
    page += text;
    rest.remove_prefix(found + place.size());
  }
  return page += rest;
}

}  // namespace trireme::launcher
