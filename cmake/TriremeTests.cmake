# trireme_unit_test(name SOURCES … LINKS …): no MPI, no LibTorch; every TEST a ctest case, label unit.
# trireme_mpi_test(name SOURCES … LINKS … RANKS 2 4 [LABEL mpi] [TIMEOUT s]): one launch per rank count.
# trireme_counts_fault_cases(name): a test of the fault suite; fault_count_test adds up its cases afterwards.
# trireme_script_test(name LABEL … COMMAND … [TIMEOUT s] [PROCESSORS n]): a whole command line, with the machine to itself
# when scripts/test.sh runs two tests at a time, unless PROCESSORS 1 says that one process works at a time.
# All of them end in trireme_add_test, which has every test measured (tests/support/measured.py); each label has a budget
# in tests/budgets.txt.
find_package(GTest REQUIRED)
include(GoogleTest)

set(TRIREME_MPI_ENVIRONMENT
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
  OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_hwloc_base_binding_policy=none
  PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMP_NUM_THREADS=1)

find_program(TRIREME_PYTHON3 python3 REQUIRED)
# trireme_add_test(name LABEL … TIMEOUT s COMMAND …). The command's programs stand there as $<TARGET_FILE:…>. Names are
# unique in the whole suite: ctest would give two tests of one name the properties of the last.
function(trireme_add_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "COMMAND" ${ARGN})
  get_property(names GLOBAL PROPERTY TRIREME_TEST_NAMES)
  if(name IN_LIST names)
    message(FATAL_ERROR "two tests are named ${name}")
  endif()
  set_property(GLOBAL APPEND PROPERTY TRIREME_TEST_NAMES ${name})
  add_test(NAME ${name}
    COMMAND ${TRIREME_PYTHON3} ${PROJECT_SOURCE_DIR}/tests/support/measured.py ${name} ${ARG_LABEL} ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# The large headers that a test program reads: LibTorch's, or GoogleTest's, whose owner is the first test.
function(trireme_precompiled_test name)
  foreach(library ${ARGN})
    if(library IN_LIST TRIREME_WITH_TORCH)
      trireme_takes_precompiled(trireme_kernels ${name})
      return()
    endif()
  endforeach()
  if(TARGET base_test AND NOT name STREQUAL base_test)
    trireme_takes_precompiled(base_test ${name})
  else()
    trireme_precompiles(${name} HEADERS <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp> <filesystem> <functional>)
  endif()
endfunction()

function(trireme_unit_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")  # ten times slower
    math(EXPR ARG_TIMEOUT "5 * ${ARG_TIMEOUT}")
  endif()
  trireme_program(${name} SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS} GTest::gmock GTest::gtest_main)
  trireme_precompiled_test(${name} ${ARG_LINKS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  trireme_add_test(${name} LABEL ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} COMMAND $<TARGET_FILE:${name}> --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()

# The source must define main (tests/support/mpi_main.hpp has one).
function(trireme_mpi_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LINKS;RANKS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL mpi)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  trireme_program(${name} SOURCES ${ARG_SOURCES} LINKS ${ARG_LINKS} GTest::gmock GTest::gtest Trireme::MPI)
  trireme_precompiled_test(${name} ${ARG_LINKS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  foreach(ranks ${ARG_RANKS})
    trireme_add_test(${name}.${ranks} LABEL ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT}
      COMMAND ${MPIEXEC_EXECUTABLE} -n ${ranks} $<TARGET_FILE:${name}> --gtest_brief=1)
    set_tests_properties(${name}.${ranks} PROPERTIES
      PROCESSORS 2 ENVIRONMENT "${TRIREME_MPI_ENVIRONMENT};${ARG_ENVIRONMENT}")
  endforeach()
endfunction()

function(trireme_script_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT;PROCESSORS" "COMMAND" ${ARGN})
  if(NOT ARG_PROCESSORS)
    set(ARG_PROCESSORS 2)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  trireme_add_test(${name} LABEL ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} COMMAND ${ARG_COMMAND})
  set_tests_properties(${name} PROPERTIES PROCESSORS ${ARG_PROCESSORS} SKIP_RETURN_CODE 77
    ENVIRONMENT "${TRIREME_MPI_ENVIRONMENT};TRIREME_BIN=${PROJECT_BINARY_DIR}/bin/trireme;TRIREME_BUILD=${PROJECT_BINARY_DIR};TRIREME_VENV=${TRIREME_VENV};TRIREME_SOURCE=${PROJECT_SOURCE_DIR}")
endfunction()

set(TRIREME_FAULT_CASES ${PROJECT_BINARY_DIR}/tests/fault_cases)
file(MAKE_DIRECTORY ${TRIREME_FAULT_CASES})
# Files in memory are large: without the malloc settings they would be mapped anew for every case.
function(trireme_counts_fault_cases name)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT TRIREME_FAULT_CASES=${TRIREME_FAULT_CASES}
    MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=1000000000)
  set_property(TEST ${name} APPEND PROPERTY FIXTURES_SETUP fault_cases)
endfunction()
