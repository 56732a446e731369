# One place for the language standard, warnings, sanitizers and the compiler we trust.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR "GCC ${CMAKE_CXX_COMPILER_VERSION} miscompiles coroutine temporaries (memory "
                      "corruption, seen on GCC 12.2). Use a preset: cmake --preset dev (clang 19).")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(CMAKE_OPTIMIZE_DEPENDENCIES ON)  # a static library compiles without waiting for those it links

find_program(LINTAS_CCACHE ccache)
if(LINTAS_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${LINTAS_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${LINTAS_CCACHE}")
endif()

add_library(lintas_flags INTERFACE)
target_compile_options(lintas_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror
                                              -fno-omit-frame-pointer -ffunction-sections -fdata-sections)
target_link_options(lintas_flags INTERFACE -fuse-ld=lld -Wl,--gc-sections)

if(LINTAS_SANITIZE)
  add_compile_options(-fsanitize=${LINTAS_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LINTAS_SANITIZE})
endif()

if(LINTAS_STATIC)
  add_compile_options(-flto=thin)
  add_link_options(-flto=thin -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/thinlto)
endif()
