#include "postgres/prepared.hpp"

#include <catch2/catch.hpp>

using lintas::postgres::PreparedStatements;

TEST_CASE("prepared: a text is prepared once and keeps its name", "[unit][postgres]") {
    PreparedStatements prepared{10};
    const auto first = prepared.use("SELECT 1");
    const auto second = prepared.use("SELECT 1");
    CHECK(first.prepare);
    CHECK_FALSE(second.prepare);
    CHECK(first.name == second.name);
}

TEST_CASE("prepared: beyond the limit the least recently used is evicted", "[unit][postgres]") {
    PreparedStatements prepared{2};
    const auto a = prepared.use("a");
    const auto b = prepared.use("b");
    CHECK_FALSE(prepared.use("a").prepare);
    const auto c = prepared.use("c");
    CHECK(c.evicted == b.name);
    CHECK(prepared.size() == 2);
    CHECK_FALSE(prepared.use("a").prepare);
    const auto b_again = prepared.use("b");
    CHECK(b_again.prepare);
    CHECK(b_again.evicted == c.name);
    CHECK(b_again.name != b.name);  // the old name may still be in use in the server's queue
    CHECK(a.evicted.empty());
}

TEST_CASE("prepared: a forgotten text is prepared again under another name", "[unit][postgres]") {
    PreparedStatements prepared{2};
    const auto first = prepared.use("a");
    prepared.forget("a");
    prepared.forget("never seen");
    const auto again = prepared.use("a");
    CHECK(again.prepare);
    CHECK(again.name != first.name);
    CHECK(again.evicted.empty());
}
