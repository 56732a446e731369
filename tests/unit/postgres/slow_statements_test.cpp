#include <catch2/catch.hpp>

#include "postgres/shared_reads.hpp"

namespace lintas::postgres {

TEST_CASE("slow statements: everybody in a slow batch is suspect until it ran fast alone",
          "[unit][postgres]") {
    using std::chrono::milliseconds;
    const std::string slow = "slow";
    const std::string fast = "fast";
    SlowStatements statements;
    CHECK_FALSE(statements.suspect(slow));
    statements.observed({&slow, &fast}, milliseconds{30});
    CHECK(statements.suspect(slow));
    CHECK(statements.suspect(fast));
    statements.observed({&fast}, milliseconds{1});
    statements.observed({&slow}, milliseconds{30});
    CHECK(statements.suspect(slow));
    CHECK_FALSE(statements.suspect(fast));
    statements.observed({&slow, &fast}, milliseconds{1});
    CHECK(statements.suspect(slow));  // in company it may not have been its doing
}

TEST_CASE("slow statements: what is remembered is bounded", "[unit][postgres]") {
    SlowStatements statements;
    for (int i = 0; i < 5000; ++i) {
        const std::string text = std::to_string(i);
        statements.observed({&text}, std::chrono::milliseconds{30});
        REQUIRE(statements.size() <= 1024);
        REQUIRE(statements.suspect(text));
    }
}

}  // namespace lintas::postgres
