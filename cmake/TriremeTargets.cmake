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
endfunction()

# trireme_program(name SOURCES … LINKS …): an executable whose libraries are found by DT_RPATH.
function(trireme_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  target_link_options(${name} PRIVATE -Wl,--disable-new-dtags)
  trireme_common(${name})
endfunction()

# trireme_takes_torch_headers(target …): LibTorch's two largest headers, read once by trireme_kernels: 3 of the 5 seconds
# that such a source costs. Programs are then compiled for any address like libraries, for a precompiled header serves one
# kind of code only. Sources still include what they use: the preset asan-torch compiles without. (The same for
# GoogleTest and nlohmann/json saves nothing: loading their 140 MB takes as long as reading the headers.)
function(trireme_takes_torch_headers)
  foreach(target ${ARGN})
    if(target STREQUAL trireme_kernels)
      target_precompile_headers(${target} PRIVATE <ATen/core/Tensor.h> <ATen/ops/empty.h>)
    else()
      target_precompile_headers(${target} REUSE_FROM trireme_kernels)
    endif()
    # More of the false alarms that -Wno-restrict is there for: g++ 12 raises them only with such a header.
    if(NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overflow>
        $<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds>)
    endif()
    get_target_property(type ${target} TYPE)
    if(type STREQUAL EXECUTABLE)
      target_compile_options(${target} PRIVATE -fPIC)
    endif()
  endforeach()
endfunction()
