#include "position/snapshot.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace lintas::position;

TEST_CASE("snapshot: its text is read as PostgreSQL prints it", "[unit][position]") {
    const auto snapshot = Snapshot::parse("10:20:10,14,15");
    REQUIRE(snapshot);
    CHECK(snapshot->oldest_running() == 10);
    CHECK(snapshot->next() == 20);
    CHECK(Snapshot::parse("10:10:"));
    const auto bad =
        GENERATE(values<std::string>({"", "10", "10:20", ":20:", "10::", "x:20:", "10:20:1,x",
                                      "10:20:1;2", "-1:20:", "10:20:1:2"}));
    INFO(bad);
    CHECK_FALSE(Snapshot::parse(bad));
}

TEST_CASE("snapshot: a transaction is shown when it had ended", "[unit][position]") {
    const Snapshot snapshot{10, 20, {15, 10}};
    struct Row {
        std::uint32_t xid;
        bool shown;
    };
    const auto row = GENERATE(values<Row>({
        {3, true},
        {9, true},
        {10, false},
        {11, true},
        {14, true},
        {15, false},
        {16, true},
        {19, true},
        {20, false},  // in the log, and at or beyond xmax: it is in no list (hazard 4)
        {21, false},
        {1000, false},
    }));
    INFO(row.xid);
    CHECK(snapshot.shows(row.xid) == row.shown);
}

TEST_CASE("snapshot: the feed's 32 bits are taken for the nearest xid", "[unit][position]") {
    constexpr std::uint64_t kEpoch = std::uint64_t{1} << 32U;
    const Snapshot early{kEpoch + 5, kEpoch + 10, {kEpoch + 7}};  // just after a wraparound
    CHECK(early.shows(0xFFFFFFFFU));                              // the xid before the wraparound
    CHECK(early.shows(4));
    CHECK(early.shows(5));
    CHECK_FALSE(early.shows(7));
    CHECK(early.shows(9));
    CHECK_FALSE(early.shows(10));
    const Snapshot late{2 * kEpoch - 3, 2 * kEpoch - 1, {}};  // just before one
    CHECK(late.shows(0xFFFFFFFEU));
    CHECK_FALSE(late.shows(0xFFFFFFFFU));
    CHECK_FALSE(late.shows(3));  // behind the wraparound: of the next epoch
    CHECK(late.shows(0x90000000U));
    const Snapshot third{3 * kEpoch + 100, 3 * kEpoch + 100, {}};
    CHECK(third.shows(99));
    CHECK_FALSE(third.shows(100));
}
