# One program per question that HTTP would blur: bench_<name> of <name>.cpp, in bench/ of the build
# directory. See option.cmake.
function(lintas_bench name)
  cmake_parse_arguments(B "" "" "DEPS" ${ARGN})
  add_executable(bench_${name} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${name}.cpp)
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bench")
  target_link_libraries(bench_${name} PRIVATE lintas_flags)
  foreach(dep ${B_DEPS})
    target_link_libraries(bench_${name} PRIVATE lintas_${dep})
  endforeach()
  if(LINTAS_STATIC)
    target_link_options(bench_${name} PRIVATE -static)
  endif()
endfunction()

lintas_bench(read_marks DEPS replica)
lintas_bench(feed DEPS feed)
