# One module is one folder under src/: a static library fptq_<name> of its *.cc, and a test program
# test_<name> of its *_test.cc. A file named *_<isa>.cc is an island compiled for that instruction set alone.

add_library(fptq_options INTERFACE)
target_compile_options(fptq_options INTERFACE -Wall -Wextra -Wshadow -Werror -fno-omit-frame-pointer
  # a*b+c must round twice everywhere, or results would differ between instruction sets
  -ffp-contract=off
  # GCC 12 sees overlapping copies in std::string's operator+ that are not there (GCC bug 105651)
  -Wno-restrict
  # __builtin_round etc. as plain functions without errno, so that loops vectorize
  -fno-math-errno)
if(FPTQ_SANITIZE)
  target_compile_options(fptq_options INTERFACE -fsanitize=${FPTQ_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(fptq_options INTERFACE -fsanitize=${FPTQ_SANITIZE})
endif()

set(FPTQ_ISA_avx2 -mavx2 -mfma -mf16c -mbmi2 -mtune=haswell)
set(FPTQ_ISA_avx512vnni -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx2 -mfma -mf16c -mbmi2
    -mtune=icelake-server -mprefer-vector-width=512)
set(FPTQ_ISA_amxint8 ${FPTQ_ISA_avx512vnni} -mamx-tile -mamx-int8)

function(fptq_isa_flags)
  foreach(source ${ARGN})
    foreach(isa avx2 avx512vnni amxint8)
      if(source MATCHES "_${isa}\\.cc$")
        set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${FPTQ_ISA_${isa}}")
      endif()
    endforeach()
  endforeach()
endfunction()

function(fptq_module name)
  cmake_parse_arguments(M "" "" "USES;LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  fptq_isa_flags(${sources})
  if(sources)
    add_library(fptq_${name} STATIC ${sources})
    set(kind PUBLIC)
    target_link_libraries(fptq_${name} PRIVATE fptq_options)
  else()
    add_library(fptq_${name} INTERFACE)
    set(kind INTERFACE)
  endif()
  target_include_directories(fptq_${name} ${kind} ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM M_USES PREPEND fptq_)
  target_link_libraries(fptq_${name} ${kind} ${M_USES} ${M_LINK})
  if(FPTQ_TESTS AND tests)
    fptq_test_program(test_${name} fptq_${name} ${tests})
  endif()
endfunction()

# A test program of all *_test.cc under `folder`.
function(fptq_tests name folder library)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*_test.cc)
  if(tests)
    fptq_test_program(test_${name} ${library} ${tests})
  endif()
endfunction()

function(fptq_test_program program library)
  add_executable(${program} ${ARGN})
  target_include_directories(${program} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${program} PRIVATE ${library} fptq_options GTest::gmock GTest::gtest_main)
  target_compile_definitions(${program} PRIVATE FPTQ_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${program} COMMAND ${program})
endfunction()
