# LINTAS_BENCH: the programs of bench/ that measure a driver without HTTP around it. Read at the end of
# project(), so that the build of the daemon need not know of them:
#   cmake --preset release-static -DCMAKE_PROJECT_lintas_INCLUDE=$PWD/bench/option.cmake -DLINTAS_BENCH=ON
option(LINTAS_BENCH "Build the programs of bench/" OFF)
if(LINTAS_BENCH)
  # After everything else: they link what src/ defines.
  cmake_language(EVAL CODE "cmake_language(DEFER CALL include [[${CMAKE_CURRENT_LIST_DIR}/programs.cmake]])")
endif()
