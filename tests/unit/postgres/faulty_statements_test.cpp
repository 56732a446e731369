#include <catch2/catch.hpp>

#include "postgres/shared_reads.hpp"

namespace lintas::postgres {

TEST_CASE("faulty statements: a text that failed is suspect until it succeeds",
          "[unit][postgres]") {
    FaultyStatements statements;
    CHECK_FALSE(statements.suspect("a"));
    statements.failed("a");
    statements.failed("b");
    CHECK(statements.suspect("a"));
    CHECK_FALSE(statements.suspect("c"));
    statements.succeeded("a");
    CHECK_FALSE(statements.suspect("a"));
    CHECK(statements.suspect("b"));
}

TEST_CASE("faulty statements: what is remembered is bounded", "[unit][postgres]") {
    FaultyStatements statements;
    for (int i = 0; i < 5000; ++i) {
        statements.failed(std::to_string(i));
        REQUIRE(statements.size() <= 1024);
    }
    CHECK(statements.suspect("4999"));
}

}  // namespace lintas::postgres
