#pragma once
// LINTAS_ASSERT states what only a bug can break; it is on in release builds. Outside input never
// asserts.

#include <cstdio>
#include <cstdlib>

#define LINTAS_ASSERT(condition)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                          \
        }                                                                                          \
    } while (false)
