#include "postgres/session_identity.hpp"

#include <catch2/catch.hpp>

#include "rows_of.hpp"

namespace lintas::postgres {

namespace {

using test::Cell;
using test::rows_of;

struct Row {
    std::vector<Cell> cells;
    std::optional<SessionIdentity> expected;
};

}  // namespace

TEST_CASE("session identity: what a server says of itself, or nothing", "[unit][postgres]") {
    const auto row = GENERATE(values<Row>({
        {{"7711", "1.5", "f", "0000002A"}, SessionIdentity{7711, "1.5", false, 42}},
        {{"18446744073709551615", "1", "t", std::nullopt},
         SessionIdentity{18446744073709551615ULL, "1", true, 0}},
        {{"-1", "1", "f", "00000001"}, std::nullopt},
        {{"7711", std::nullopt, "f", "00000001"}, std::nullopt},
        {{"7711", "1", std::nullopt, "00000001"}, std::nullopt},
        {{"7711", "1", "f", "0000000"}, std::nullopt},
        {{"7711", "1", "f", "0000000G"}, std::nullopt},
        {{std::nullopt, "1", "f", "00000001"}, std::nullopt},
    }));
    CHECK(session_identity_from(rows_of(4, {row.cells})) == row.expected);
}

TEST_CASE("session identity: another shape is not one", "[unit][postgres]") {
    CHECK_FALSE(session_identity_from(rows_of(4, {})));
    CHECK_FALSE(session_identity_from(rows_of(3, {{"1", "1", "f"}})));
}

TEST_CASE("session identity: a restart makes another instance, a promotion does not",
          "[unit][postgres]") {
    const SessionIdentity standby{1, "1.0", true, 0};
    CHECK(standby.same_instance({1, "1.0", false, 2}));
    CHECK_FALSE(standby.same_instance({1, "2.0", true, 0}));
    CHECK_FALSE(standby.same_instance({2, "1.0", true, 0}));
}

}  // namespace lintas::postgres
