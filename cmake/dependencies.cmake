# Third-party libraries, all from Debian 12, each behind one lintas_dep_* target with SYSTEM includes.

if(LINTAS_STATIC)
  set(Boost_USE_STATIC_LIBS ON)
  set(OPENSSL_USE_STATIC_LIBS ON)
endif()
set(Boost_NO_WARN_NEW_VERSIONS ON)  # FindBoost of CMake 3.25 does not know 1.81; its targets are right

find_package(Threads REQUIRED)
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json url)
find_package(OpenSSL 3 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)

set(LINTAS_LIBRARY_DIR "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
if(NOT CMAKE_LIBRARY_ARCHITECTURE)
  set(LINTAS_LIBRARY_DIR "/usr/lib/x86_64-linux-gnu")
endif()

# Asio and Beast are compiled once, in src/base/asio_impl.cpp.
add_library(lintas_dep_asio INTERFACE)
target_compile_definitions(lintas_dep_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_link_libraries(lintas_dep_asio INTERFACE Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)

add_library(lintas_dep_json INTERFACE)
target_link_libraries(lintas_dep_json INTERFACE Boost::json)

# fmt's Debian package has no static archive; header-only keeps the binary self-contained.
add_library(lintas_dep_fmt INTERFACE)
target_link_libraries(lintas_dep_fmt INTERFACE fmt::fmt-header-only)

add_library(lintas_dep_crypto INTERFACE)
target_link_libraries(lintas_dep_crypto INTERFACE OpenSSL::SSL OpenSSL::Crypto)

# One header, compiled in (XXH_INLINE_ALL): nothing is linked.
find_path(LINTAS_XXHASH_INCLUDE xxhash.h REQUIRED)
add_library(lintas_dep_xxhash INTERFACE)
target_include_directories(lintas_dep_xxhash SYSTEM INTERFACE "${LINTAS_XXHASH_INCLUDE}")

add_library(lintas_dep_yaml INTERFACE)
target_include_directories(lintas_dep_yaml SYSTEM INTERFACE /usr/include)
target_link_libraries(lintas_dep_yaml INTERFACE "${LINTAS_LIBRARY_DIR}/libyaml-cpp.a")

# libpq, statically and without Kerberos and LDAP: libpq.a names gss_* and ldap_*, which
# src/postgres/libpq_stubs.c answers with "not available"; the two _shlib archives of
# postgresql-server-dev-15 complete it.
set(LINTAS_PG_LIBDIR "/usr/lib/postgresql/15/lib")
add_library(lintas_dep_libpq INTERFACE)
target_include_directories(lintas_dep_libpq SYSTEM INTERFACE /usr/include/postgresql)
target_link_libraries(lintas_dep_libpq INTERFACE
  "${LINTAS_LIBRARY_DIR}/libpq.a" "${LINTAS_PG_LIBDIR}/libpgcommon_shlib.a" "${LINTAS_PG_LIBDIR}/libpgport_shlib.a"
  OpenSSL::SSL OpenSSL::Crypto m)
