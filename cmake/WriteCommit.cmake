# cmake -DSOURCE=DIR -DOUTPUT=FILE.cpp -P WriteCommit.cmake: the commit of the sources as a C++ constant. The file keeps its
# time when nothing changed. In an archive that git made, cmake/commit.txt holds the commit.
cmake_minimum_required(VERSION 3.25)
set(commit "")
find_program(GIT git)
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --short=12 HEAD OUTPUT_VARIABLE commit
    OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed ERROR_QUIET)
  execute_process(COMMAND ${GIT} -C ${SOURCE} --no-optional-locks status --porcelain --untracked-files=no
    OUTPUT_VARIABLE changes ERROR_QUIET)
  if(failed)
    set(commit "")
  elseif(changes)
    string(APPEND commit " with uncommitted changes")
  endif()
else()
  file(STRINGS ${SOURCE}/cmake/commit.txt line LIMIT_COUNT 1)
  if(line MATCHES "^[0-9a-f]+$")
    string(SUBSTRING "${line}" 0 12 commit)
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [=[#include "launcher/program/build_commit.hpp"

namespace trireme::launcher {
const char* const kCommit = "@commit@";
}
]=] @ONLY)
