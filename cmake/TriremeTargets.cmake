# trireme_library(name SOURCES … LINKS …): one static library per folder, with the house's include root and warnings.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

set(TRIREME_WARNINGS -Wall -Wextra -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers
  -Wno-restrict)  # false alarms of g++ 12 on std::string (GCC bug 105651)
if(TRIREME_WERROR)
  list(APPEND TRIREME_WARNINGS -Werror)
endif()

function(trireme_common target)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${TRIREME_WARNINGS}>)
endfunction()

function(trireme_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON LINKER_LANGUAGE CXX)
  target_link_libraries(${name} PUBLIC ${ARG_LINKS})
  trireme_common(${name})
endfunction()

# trireme_program(name SOURCES … LINKS …): an executable whose libraries are found by DT_RPATH.
function(trireme_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
  trireme_common(${name})
endfunction()

# trireme_precompiles(owner HEADERS …): large headers of libraries are read once, for the owner.
# trireme_takes_precompiled(owner target …): and taken from there by others. That is 3 of the 5 seconds that a source with
# LibTorch costs, and a third of what a test costs. Programs are then compiled for any address like libraries, for the
# file serves one kind of code only. Sources still include what they use: the preset asan compiles without such files.
function(trireme_any_address target)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL EXECUTABLE)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
endfunction()

function(trireme_precompiles owner)
  cmake_parse_arguments(ARG "" "" "HEADERS" ${ARGN})
  target_precompile_headers(${owner} PRIVATE ${ARG_HEADERS})
  trireme_any_address(${owner})
endfunction()

function(trireme_takes_precompiled owner)
  foreach(target ${ARGN})
    target_precompile_headers(${target} REUSE_FROM ${owner})
    trireme_any_address(${target})
  endforeach()
endfunction()
