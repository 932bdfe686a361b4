# trireme_library(name SOURCES … LINKS …): one static library per folder, with the house's include root and warnings.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  # Without these words it keeps nothing that is compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
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
  set_property(GLOBAL APPEND PROPERTY TRIREME_TARGETS ${name})
endfunction()

# trireme_program(name SOURCES … LINKS …): an executable whose libraries are found by DT_RPATH.
function(trireme_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE -fPIC)
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
  trireme_common(${name})
  set_property(GLOBAL APPEND PROPERTY TRIREME_TARGETS ${name})
endfunction()

# Precompiled headers: what many sources read is read once. CPU seconds of a source that reads such headers, and of one that
# loads them: LibTorch's two 3.0 and 0.4, the standard library's 0.7 and 0.1, GoogleTest's 1.0 and 0.3. (nlohmann/json's 1.1
# and 0.4, but most sources do not read it.) A header serves one kind of code only, so programs are compiled for any
# address, as libraries are. Sources still include what they use: the presets asan and asan-torch compile without.
set(TRIREME_STANDARD_HEADERS <algorithm> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <span> <string>
  <vector>)

# trireme_takes_headers(target OWNER | HEADER …): the headers of another target, or its own.
function(trireme_takes_headers target)
  if(TARGET "${ARGV1}")
    target_precompile_headers(${target} REUSE_FROM ${ARGV1})
  else()
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
  # More of the false alarms that -Wno-restrict is there for: g++ 12 raises them only with such a header.
  if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
    foreach(alarm stringop-overflow stringop-overread array-bounds)
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-${alarm}>)
    endforeach()
  endif()
endfunction()

# trireme_takes_torch_headers(target …): LibTorch's two largest headers.
function(trireme_takes_torch_headers)
  foreach(target ${ARGN})
    if(target STREQUAL trireme_kernels)
      trireme_takes_headers(trireme_kernels <ATen/core/Tensor.h> <ATen/ops/empty.h>)
    else()
      trireme_takes_headers(${target} trireme_kernels)
    endif()
  endforeach()
endfunction()

# trireme_share_headers(): once all targets are known, libraries and programs that took no headers of LibTorch get the
# standard library's, and tests GoogleTest's too. Left out is another kind of code than the owner's: with OpenMP, and what
# tests/CMakeLists.txt compiles with -O3 (g++ 12 crashes over a header that was compiled with -O1).
function(trireme_share_headers)
  trireme_takes_headers(trireme_base ${TRIREME_STANDARD_HEADERS})
  if(TARGET base_test)
    trireme_takes_headers(base_test ${TRIREME_STANDARD_HEADERS} <gmock/gmock.h>)
  endif()
  get_property(targets GLOBAL PROPERTY TRIREME_TARGETS)
  foreach(target ${targets})
    get_target_property(own ${target} PRECOMPILE_HEADERS)
    get_target_property(reused ${target} PRECOMPILE_HEADERS_REUSE_FROM)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    get_target_property(options ${target} COMPILE_OPTIONS)
    if(own OR reused OR options MATCHES "-fopenmp|-O3>")
      continue()
    elseif("GTest::gmock" IN_LIST libraries)
      trireme_takes_headers(${target} base_test)
    else()
      trireme_takes_headers(${target} trireme_base)
    endif()
  endforeach()
endfunction()
