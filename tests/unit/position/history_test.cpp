#include "position/history.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "position/lsn.hpp"
#include "support.hpp"

using namespace lintas::position;

TEST_CASE("lsn: its text is read as PostgreSQL prints it", "[unit][position]") {
    struct Row {
        std::string text;
        std::optional<std::uint64_t> value;
    };
    const auto row = GENERATE(values<Row>({
        {"0/0", 0},
        {"0/1", 1},
        {"16/B374D848", 0x16B374D848},
        {"16/b374d848", 0x16B374D848},
        {"FFFFFFFF/FFFFFFFF", ~std::uint64_t{0}},
        {"00000016/0B374D84", 0x160B374D84},
        {"", {}},
        {"/", {}},
        {"1", {}},
        {"1/", {}},
        {"/1", {}},
        {"1/2/3", {}},
        {"123456789/0", {}},
        {"0/123456789", {}},
        {"-1/0", {}},
        {"+1/0", {}},
        {" 1/0", {}},
        {"1/0 ", {}},
        {"0x1/0", {}},
        {"G/0", {}},
    }));
    INFO(row.text);
    const std::optional<Lsn> lsn = parse_lsn(row.text);
    REQUIRE(lsn.has_value() == row.value.has_value());
    if (row.value) CHECK(lsn->value == *row.value);
}

TEST_CASE("lsn: what is printed is read back, in capitals", "[unit][position]") {
    CHECK(to_text(Lsn{0x16B374D848}) == "16/B374D848");
    CHECK(to_text(kNoLsn) == "0/0");
    CHECK(to_text(kEndOfTime) == "FFFFFFFF/FFFFFFFF");
    for (const std::uint64_t value : {0ULL, 1ULL, 0xABCDEFULL, 0x100000000ULL, ~0ULL}) {
        CHECK(parse_lsn(to_text(Lsn{value})) == Lsn{value});
    }
}

TEST_CASE("history: a file of TIMELINE_HISTORY is read", "[unit][position]") {
    CHECK(History::parse(3, "1\t0/64\tno recovery target specified\n\n2\t0/C8\treason\n") ==
          three());
    CHECK(History::parse(3, "# a comment\n  1 0/64\n2\t0/C8") == three());
    CHECK(History::parse(3, "1\t0/64\treason\r\n2\t0/C8\treason\r\n") == three());
    CHECK(History::parse(1, "") == History{1, {}});
}

TEST_CASE("history: a file that makes no sense is refused", "[unit][position]") {
    const auto text = GENERATE(values<std::string>({
        "x\t0/64\n",
        "0\t0/64\n",               // no such timeline
        "1\n",                     // no switch point
        "1 \n",                    //
        "1\tnowhere\n",            //
        "10/64\n",                 // nothing between
        "2\t0/C8\n1\t0/64\n",      // not ascending
        "1\t0/64\n1\t0/C8\n",      //
        "3\t0/64\n",               // the current one is not its own ancestor
        "4\t0/64\n",               //
        "99999999999999\t0/64\n",  //
    }));
    INFO(text);
    CHECK_FALSE(History::parse(3, text));
}

TEST_CASE("history: a timeline is valid up to the earliest switch point on the way",
          "[unit][position]") {
    CHECK(three().valid_to(3) == kEndOfTime);
    CHECK(three().valid_to(2) == at(200));
    CHECK(three().valid_to(1) == at(100));
    CHECK_FALSE(three().valid_to(4));
    CHECK_FALSE(three().valid_to(0));
    // A standby promoted from an older point than its parent's own start: recovery to a target.
    const History odd{3, {{1, at(100)}, {2, at(50)}}};
    CHECK(odd.valid_to(1) == at(50));
    // A branch that is not on the way, say 2, when 3 was made from 1.
    const History skipped{3, {{1, at(100)}}};
    CHECK_FALSE(skipped.valid_to(2));
    CHECK(skipped.contains({1, at(100)}));
    CHECK_FALSE(skipped.contains({1, at(101)}));
    CHECK_FALSE(skipped.contains({2, at(1)}));
}

TEST_CASE("covers: behind, covered and lost", "[unit][position]") {
    struct Row {
        Position have, wanted;
        Coverage coverage;
    };
    const auto row = GENERATE(values<Row>({
        // The same timeline.
        {{3, at(300)}, {3, at(300)}, Coverage::covered},
        {{3, at(300)}, {3, at(299)}, Coverage::covered},
        {{3, at(300)}, {3, at(301)}, Coverage::behind},
        // An ancestor's position.
        {{3, at(300)}, {1, at(100)}, Coverage::covered},
        {{3, at(300)}, {2, at(200)}, Coverage::covered},
        {{3, at(150)}, {2, at(151)}, Coverage::behind},
        // Beyond its switch point: the failover dropped it, however far anybody is.
        {{3, at(300)}, {1, at(101)}, Coverage::lost},
        {{3, at(300)}, {2, at(201)}, Coverage::lost},
        {{2, at(900)}, {2, at(201)}, Coverage::lost},
        {{1, at(900)}, {1, at(101)}, Coverage::lost},
        // Answers of an ancestor contain nothing of the present beyond the switch point.
        {{1, at(100)}, {1, at(100)}, Coverage::covered},
        {{1, at(900)}, {1, at(100)}, Coverage::covered},
        {{1, at(900)}, {2, at(150)}, Coverage::behind},
        {{2, at(900)}, {3, at(201)}, Coverage::behind},
        {{1, at(99)}, {1, at(100)}, Coverage::behind},
        // A timeline that is newer than what is known: not yet.
        {{3, at(300)}, {4, at(1)}, Coverage::behind},
        // One that never was on the way.
        {{3, at(300)}, {0, at(1)}, Coverage::lost},
        {{9, at(300)}, {3, at(1)}, Coverage::behind},
    }));
    INFO(row.have.timeline << "/" << row.have.lsn.value << " for " << row.wanted.timeline << "/"
                           << row.wanted.lsn.value);
    CHECK(covers(three(), row.have, row.wanted) == row.coverage);
}

TEST_CASE("history: before anything is known, nothing is covered", "[unit][position]") {
    CHECK(covers(History{}, {1, at(5)}, {1, at(5)}) == Coverage::behind);
}

TEST_CASE("history: the later of two positions", "[unit][position]") {
    CHECK(later_of({1, at(5)}, {1, at(6)}) == Position{1, at(6)});
    CHECK(later_of({1, at(6)}, {1, at(5)}) == Position{1, at(6)});
    CHECK(later_of({1, at(5)}, {2, at(5)}) == Position{2, at(5)});
    CHECK(later_of({2, at(4)}, {1, at(5)}) == Position{1, at(5)});
}
