// mpirun … trireme doctor [RUN.ini]: the compute side, checked by the ranks themselves before a big run.
#include <cstdio>

#include "base/answer.hpp"
#include "base/error.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "collectives/mpi/watchdog.hpp"
#include "launcher/commands/run_commands.hpp"
#include "launcher/doctor/examine.hpp"
#include "launcher/doctor/judgement.hpp"
#include "launcher/doctor/report.hpp"
#include "launcher/options/command_line.hpp"
#include "launcher/session/run_input.hpp"

namespace trireme::launcher {
namespace {

struct Wanted {
  std::vector<std::string> run_file;
  std::string directory;
  std::int64_t disk_megabytes = 128;
  double limit = 120;
  bool json = false;
};

void declare(options::CommandLine& line, Wanted& wanted) {
  line.positionals("RUN.ini", wanted.run_file, "a run file: its run.dir is checked, and train.device is heeded", 0, 1);
  line.each("dir", "DIR", "the run directory; default: run.dir of RUN.ini, else the current directory",
            [&](const std::string& value) {
              if (value.empty()) throw base::InputError("--dir is empty; name the run directory");
              wanted.directory = value;
            });
  line.value("disk-mb", wanted.disk_megabytes, "MB", "written and read back by every node; 0 = not measured")
      .range(0, 65536);
  line.value("limit", wanted.limit, "SECONDS", "ends the check, naming the missing ranks, when a part takes longer")
      .range(1, 86400);
  line.flag("json", wanted.json, "print one JSON object");
}

doctor::Examination examination_of(collectives::MpiWorld& world, const Wanted& wanted) {
  doctor::Examination examination;
  examination.disk_bytes = static_cast<std::uint64_t>(wanted.disk_megabytes) << 20;
  if (wanted.run_file.empty()) {
    if (!wanted.directory.empty()) examination.directory = wanted.directory;
    return examination;
  }
  if (!wanted.directory.empty()) {
    throw base::InputError("a run file and --dir name two run directories; give one of them");
  }
  const options::RunOptions given =
      share_options(world, [&] { return options::load_run_file(wanted.run_file.front()); });
  examination.directory = given.run.dir;
  examination.wanted_device = given.train.device;
  return examination;
}

int print(const doctor::Survey& survey, bool json) {
  const std::vector<doctor::Finding> findings = doctor::judge(survey);
  if (json) {
    base::answer_json(doctor::report_json(survey, findings));
  } else {
    base::answer_text(doctor::report(survey, findings));
  }
  base::finish_answers();
  if (doctor::defects_in(findings) == 0) return base::kExitDone;
  base::print_failure(doctor::failure_line(findings));
  return base::kExitFailed;
}

}  // namespace

int doctor_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments) {
  Wanted wanted;
  options::CommandLine line("doctor", "checks every rank of a job before a big run: exit 1 on a defect",
                            "mpirun -n 16 trireme doctor run.ini\n"
                            "mpirun -n 16 trireme doctor --dir /scratch/me/run --json");
  declare(line, wanted);
  if (!parse_once(world, line, arguments)) return base::kExitDone;
  const doctor::Examination examination = examination_of(world, wanted);
  base::PosixFileSystem files;
  collectives::Watchdog watchdog(world);
  const base::Log log = world.rank() == 0 && !wanted.json ? base::Log(stderr) : base::Log();
  const doctor::Survey survey = doctor::examine(world, signals, files, examination, [&](const std::string& stage) {
    watchdog.phase(collectives::Watchdog::Phase::kStart, wanted.limit);
    log.info("checking: " + stage);
  });
  watchdog.phase(collectives::Watchdog::Phase::kNone, 0);
  return world.rank() == 0 ? print(survey, wanted.json) : base::kExitDone;
}

}  // namespace trireme::launcher
