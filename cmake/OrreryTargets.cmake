# One static library per folder, with the flags of the house.

include(OrreryUnity)

add_library(orrery_flags INTERFACE)
target_include_directories(orrery_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(orrery_flags INTERFACE -Wall -Wextra -Wpedantic -Werror
                                              -fno-omit-frame-pointer)
if(ORRERY_UNITY)
  # Unnamed namespaces of one file are seen by the next.
  target_compile_options(orrery_flags INTERFACE -Wshadow=local -Wno-subobject-linkage)
else()
  target_compile_options(orrery_flags INTERFACE -Wshadow)
endif()
if(ORRERY_SANITIZE STREQUAL "address")
  # CAF 0.17 binds references to null in its own headers; -fsanitize=null would report only that.
  target_compile_options(orrery_flags INTERFACE -fsanitize=address,undefined -fno-sanitize=null
                                                -fno-sanitize-recover=undefined)
  target_link_options(orrery_flags INTERFACE -fsanitize=address,undefined)
elseif(ORRERY_SANITIZE STREQUAL "thread")
  target_compile_options(orrery_flags INTERFACE -fsanitize=thread)
  target_link_options(orrery_flags INTERFACE -fsanitize=thread)
endif()
if(ORRERY_FUZZ)
  target_compile_options(orrery_flags INTERFACE
    -O2 -g1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  target_link_options(orrery_flags INTERFACE -fsanitize=address,undefined)
endif()
# GCC 12 reports false positives of these in inlined library code.
target_compile_options(orrery_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
  -Wno-stringop-overread -Wno-array-bounds -Wno-mismatched-new-delete>)

# orrery_library(NAME [USES folder...] [LIBS target...] [GROUPS group...] [CONVERSION])
# Sources are all *.cpp below the folder; GROUPS are those of orrery_unity. CONVERSION adds -Wconversion where our code is free of
# foreign templates.
function(orrery_library name)
  cmake_parse_arguments(ARG "CONVERSION" "" "USES;LIBS;GROUPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  # An object of its own, so that a program can have the other one (base/crash_point.hpp).
  set(apart ${sources})
  list(FILTER apart INCLUDE REGEX "/no_crash_point.cpp$")
  list(FILTER sources EXCLUDE REGEX "crash_point.cpp$")
  if(NOT sources)
    add_library(orrery_${name} INTERFACE)
    set(scope INTERFACE)
  else()
    orrery_unity(sources ${name} GROUPS ${ARG_GROUPS} SOURCES ${sources})
    add_library(orrery_${name} STATIC ${sources} ${apart})
    set(scope PUBLIC)
    if(ARG_CONVERSION)
      target_compile_options(orrery_${name} PRIVATE -Wconversion)
    endif()
  endif()
  target_link_libraries(orrery_${name} ${scope} orrery_flags)
  foreach(use IN LISTS ARG_USES)
    target_link_libraries(orrery_${name} ${scope} orrery_${use})
  endforeach()
  if(ARG_LIBS)
    target_link_libraries(orrery_${name} ${scope} ${ARG_LIBS})
  endif()
endfunction()

# orrery_test(NAME LABEL label SOURCES file... [GROUPS group...] USES folder... [LIBS target...])
function(orrery_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;GROUPS;USES;LIBS" ${ARGN})
  orrery_unity(sources ${name} GROUPS ${ARG_GROUPS} SOURCES ${ARG_SOURCES})
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE orrery_flags orrery_test_main GTest::gtest ${ARG_LIBS})
  foreach(use IN LISTS ARG_USES)
    target_link_libraries(${name} PRIVATE orrery_${use})
  endforeach()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
