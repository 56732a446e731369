#include <catch2/catch.hpp>

#include "replica/monitor.hpp"

namespace lintas::replica {

namespace {

using position::History;
using position::Lsn;
using std::chrono::milliseconds;

constexpr std::uint64_t kSystem = 77;
constexpr milliseconds kMax{5000};

Finding finding(position::Timeline timeline, Lsn replayed) {
    Finding out;
    out.instance = {{kSystem, "1.0", true, 0}, timeline};
    out.timeline_exact = true;
    out.in_recovery = true;
    out.replayed = replayed;
    out.lag = milliseconds{10};
    return out;
}

/// Timeline 3; 1 ended at 100, 2 at 200.
position::Lineage lineage() {
    return {kSystem, History{3, {{1, Lsn{100}}, {2, Lsn{200}}}}};
}

}  // namespace

TEST_CASE("judge: a replica on the way to the primary's timeline is not lost", "[unit][replica]") {
    struct Row {
        position::Timeline timeline;
        std::uint64_t replayed;
        State expected;
    };
    const auto row = GENERATE(values<Row>({
        {3, 5000, State::up},
        {3, 50, State::up},            // behind, and on the way
        {2, 200, State::up},           // exactly at the switch point
        {2, 201, State::quarantined},  // one byte of what was dropped
        {1, 100, State::up},
        {1, 101, State::quarantined},
        {4, 300, State::down},  // ahead of what is known: the primary may be deposed
        {7, 1, State::down},
    }));
    INFO(row.timeline << ", " << row.replayed);
    const Judgement judgement = judge(finding(row.timeline, Lsn{row.replayed}), lineage(), kMax);
    CHECK(judgement.state == row.expected);
    CHECK(judgement.problem.empty() == (row.expected == State::up));
}

TEST_CASE("judge: a sentence says why a replica can never follow", "[unit][replica]") {
    const Judgement judgement = judge(finding(2, Lsn{0x201}), lineage(), kMax);
    CHECK(judgement.problem.find("0/201 of timeline 2, which the primary left at 0/C8") !=
          std::string::npos);
    CHECK(judgement.problem.find("pg_rewind") != std::string::npos);
}

TEST_CASE("judge: a timeline that is only a lower bound is reason enough not to read",
          "[unit][replica]") {
    Finding found = finding(2, Lsn{201});
    found.timeline_exact = false;
    CHECK(judge(found, lineage(), kMax).state == State::quarantined);
    CHECK(judge(found, lineage(), kMax).problem.find("REPLICATION") != std::string::npos);
    // A history of which only the last timeline is known convicts nobody.
    CHECK(judge(finding(2, Lsn{201}), {kSystem, History{3, {}}}, kMax).state == State::lagging);
}

TEST_CASE("judge: a timeline that the primary never had is lost", "[unit][replica]") {
    const position::Lineage other{kSystem, History{5, {{1, Lsn{100}}, {3, Lsn{200}}}}};
    CHECK(judge(finding(2, Lsn{50}), other, kMax).state == State::quarantined);
}

TEST_CASE("judge: another cluster is quarantined, a promoted server is down", "[unit][replica]") {
    Finding foreign = finding(3, Lsn{10});
    foreign.instance.session.system_id = 78;
    CHECK(judge(foreign, lineage(), kMax).state == State::quarantined);
    Finding promoted = finding(4, Lsn{10});
    promoted.in_recovery = false;
    CHECK(judge(promoted, lineage(), kMax).state == State::down);
}

TEST_CASE("judge: beyond max_staleness a replica lags; an unknown lag is not one",
          "[unit][replica]") {
    Finding found = finding(3, Lsn{10});
    found.lag = kMax;
    CHECK(judge(found, lineage(), kMax).state == State::up);
    found.lag = kMax + std::chrono::nanoseconds{1};
    CHECK(judge(found, lineage(), kMax).state == State::lagging);
    found.lag = std::nullopt;
    CHECK(judge(found, lineage(), kMax).state == State::up);
}

TEST_CASE("judge: while the primary is unknown nothing is held against a replica",
          "[unit][replica]") {
    CHECK(judge(finding(9, Lsn{10}), {}, kMax).state == State::up);
}

}  // namespace lintas::replica
