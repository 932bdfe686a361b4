// trireme report: a page to look at, of runs or of a sweep.
#include <filesystem>
#include <string>
#include <vector>

#include "base/answer.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/output_file.hpp"
#include "launcher/commands/commands.hpp"
#include "launcher/console/format.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/report/page.hpp"
#include "launcher/report/report_data.hpp"

namespace trireme::launcher {

int report_command(const Arguments& arguments) {
  std::string output;
  bool force = false;
  std::vector<std::string> words;
  options::CommandLine line("report", "writes one HTML page about runs or a sweep, which opens without a network",
                            "trireme report runs/bible -o bible.html\n"
                            "trireme report runs/lr-* -o compared.html\n"
                            "trireme report sweeps/lr -o sweep.html");
  line.value("output,o", output, "FILE.html", "the page to write").required();
  line.flag("force", force, "replace a file that is there already");
  line.positionals("RUN", words, "run directories, or the directory of a sweep", 1);
  if (!line.parse(arguments)) return base::kExitDone;

  base::PosixFileSystem files;
  const base::Overwrite overwrite = force ? base::Overwrite::kForced : base::Overwrite::kRefused;
  base::output_file(output, overwrite);
  const PageParts parts = read_page_parts(files, page_directory());
  const ReportData report = read_report(files, {words.begin(), words.end()}, base::wall_time());
  const std::string page = make_page(parts, report.json);
  files.replace(base::output_file(output, overwrite), page);
  for (const std::string& problem : report.problems) base::print_warning(problem);
  base::answer(base::str("wrote ", output, ": ", report.runs, report.runs == 1 ? " run, " : " runs, ",
                         with_commas(report.lines), " lines of metrics, ",
                         format_bytes(static_cast<double>(page.size()))));
  return base::kExitDone;
}

}  // namespace trireme::launcher
