#include "postgres/pool_sizing.hpp"

#include <catch2/catch.hpp>

#include "postgres/backoff.hpp"

namespace lintas::postgres {

TEST_CASE("pool: opens what is missing and never more than its size", "[unit][postgres]") {
    struct Row {
        const char* why;
        std::size_t size;
        PoolCounts now;
        std::size_t open;
    };
    const Row row = GENERATE(values<Row>({
        {"one is kept open although nobody asks", 8, {}, 1},
        {"one that is on its way is enough", 8, {.connecting = 1}, 0},
        {"one open and idle is enough", 8, {.open = 1, .idle = 1}, 0},
        {"a waiter that an idle connection will serve", 8, {.open = 1, .idle = 1, .wanted = 1}, 0},
        {"a waiter and nothing idle", 8, {.open = 1, .wanted = 1}, 1},
        {"as many as wait", 8, {.open = 2, .wanted = 3}, 3},
        {"those on their way count", 8, {.open = 2, .connecting = 2, .wanted = 3}, 1},
        {"never more than the size", 4, {.open = 3, .wanted = 100}, 1},
        {"full", 4, {.open = 2, .connecting = 2, .wanted = 100}, 0},
    }));
    INFO(row.why);
    CHECK(connections_to_open(row.size, row.now) == row.open);
}

TEST_CASE("backoff: doubles up to its limit, with at most a quarter of jitter",
          "[unit][postgres]") {
    using std::chrono::milliseconds;
    Backoff backoff{milliseconds{100}, milliseconds{1000}};
    for (const int full : {100, 200, 400, 800, 1000, 1000}) {
        const milliseconds wait = backoff.next();
        CHECK(wait.count() <= full);
        CHECK(wait.count() >= full - full / 4);
    }
    for (int i = 0; i < 100; ++i) CHECK(backoff.next().count() <= 1000);  // no overflow
    backoff.succeeded();
    CHECK(backoff.next().count() <= 100);
}

}  // namespace lintas::postgres
